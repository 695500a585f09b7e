// Where a step's time goes, node by node and phase by phase. An executor fills it when StepInput::profile points to
// one, and reads no clock otherwise.
//
// Thread rule: one thread at a time. Once made it allocates nothing.
#pragma once

#include <atomic>

#include "graph/cost.h"
#include "graph/cpu/cpu_op.h"
#include "runnel/array.h"

namespace runnel {

struct PhaseTimes {
  uint64_t runs = 0;     // times the phase ran
  uint64_t jobs = 0;     // of these, handed to the workers: each ends in a barrier
  uint64_t wall_ns = 0;  // from its beginning until its last unit was done
  uint64_t busy_ns = 0;  // inside the op, of all threads together: wall * threads - busy is what they waited
};

class StepProfile {
 public:
  using Clock = uint64_t (*)() noexcept;  // nanoseconds, monotonic

  // Of steps of a graph with `node_count` nodes; remembers the shapes of the first `max_steps` steps after a clear().
  static Result<StepProfile> create(size_t node_count, uint32_t max_steps, Clock clock) noexcept;
  void clear() noexcept;

  std::span<const StepShape> steps() const noexcept { return steps_; }
  const PhaseTimes& times(size_t node, uint32_t phase) const noexcept { return times_[node * kMaxPhases + phase]; }

  // For the executor. run_phase() is run_split(), timed.
  void begin_step(uint32_t first_position, uint32_t tokens, uint32_t outputs) noexcept;
  void run_phase(size_t node, uint32_t phase, Split split, SliceFn fn, void* context, ParallelFor& workers) noexcept;

 private:
  StepProfile() noexcept = default;

  Clock clock_ = nullptr;
  Array<PhaseTimes> times_;
  Array<StepShape> steps_;  // capacity: max_steps
  size_t max_steps_ = 0;
};

}  // namespace runnel
