#include "graph/cpu/step_profile.h"

#include <algorithm>

namespace runnel {
namespace {

struct TimedSlices {
  SliceFn fn;
  void* context;
  StepProfile::Clock clock;
  std::atomic<uint64_t> busy_ns;
};

void run_timed(void* context, Slice slice, uint32_t worker) noexcept {
  auto& timed = *static_cast<TimedSlices*>(context);
  const uint64_t start = timed.clock();
  timed.fn(timed.context, slice, worker);
  timed.busy_ns.fetch_add(timed.clock() - start, std::memory_order_relaxed);
}

}  // namespace

Result<StepProfile> StepProfile::create(size_t node_count, uint32_t max_steps, Clock clock) noexcept {
  StepProfile profile;
  profile.clock_ = clock;
  profile.max_steps_ = max_steps;
  if (!profile.times_.resize(node_count * kMaxPhases) || !profile.steps_.reserve(max_steps))
    return out_of_memory("executor", "a profile");
  return profile;
}

void StepProfile::clear() noexcept {
  std::fill(times_.begin(), times_.end(), PhaseTimes{});
  steps_.clear();
}

void StepProfile::begin_step(uint32_t first_position, uint32_t tokens, uint32_t outputs) noexcept {
  if (steps_.size() < max_steps_) (void)steps_.push({first_position, tokens, outputs});  // within the capacity
}

void StepProfile::run_phase(size_t node, uint32_t phase, Split split, SliceFn fn, void* context,
                            ParallelFor& workers) noexcept {
  TimedSlices timed = {fn, context, clock_, {0}};
  const uint64_t start = clock_();
  run_split(split, run_timed, &timed, workers);
  PhaseTimes& times = times_[node * kMaxPhases + phase];
  times.wall_ns += clock_() - start;
  times.busy_ns += timed.busy_ns.load(std::memory_order_relaxed);
  times.runs += 1;
  times.jobs += split.is_job() ? 1 : 0;
}

}  // namespace runnel
