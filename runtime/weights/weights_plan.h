// How weights reach memory and what that takes: the mode, and for streamed weights the split of a budget.
//
// Pure arithmetic but for asking the machine what it has. Thread rule: any thread.
#pragma once

#include <optional>

#include "runnel/plan.h"
#include "runtime/weights/streamed_weights.h"

namespace runnel {

class WeightsPlan {
 public:
  // mode: not automatic. Statuses: out_of_memory, unsupported (streamed beside XNNPACK's private copies).
  static Result<WeightsPlan> make(const ModelFile& file, WeightsMode mode, FloatBackend backend) noexcept;

  WeightsMode mode() const noexcept { return mode_; }
  // Private bytes at least.
  uint64_t least_bytes() const noexcept;
  // Takes what `bytes` have room for, at least the least.
  void spend(uint64_t bytes) noexcept;

  StreamSplit split() const noexcept { return split_; }
  uint64_t resident_bytes() const noexcept { return resident_bytes_; }
  uint64_t pinned_bytes() const noexcept;
  uint64_t ring_bytes() const noexcept;
  uint64_t private_bytes() const noexcept { return resident_bytes_ + pinned_bytes() + ring_bytes(); }
  // Read from the file in every step with logits.
  uint64_t streamed_bytes() const noexcept;

 private:
  static StreamSplit split_of(uint32_t slots, uint32_t streamed) noexcept;
  uint64_t bytes_of(StreamSplit split) const noexcept;

  WeightsMode mode_ = WeightsMode::mapped;
  uint64_t resident_bytes_ = 0;
  std::optional<StreamSchedule> schedule_;
  StreamSplit split_;
};

// The mode that `automatic` stands for, and why, in words. budget_bytes: 0 when none was given.
WeightsMode choose_weights_mode(const ModelFile& file, uint64_t budget_bytes, char* why, size_t why_bytes) noexcept;

}  // namespace runnel
