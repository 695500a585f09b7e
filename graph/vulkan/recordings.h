// Steps recorded once and replayed: a recording is what a step of so many tokens and rows of logits does, in parts that
// are short enough to be handed over one by one.
//
// Ownership: owns its command buffers. Thread rule: one thread at a time.
#pragma once

#include "graph/vulkan/recorder.h"

namespace runnel::vulkan {

// Nodes [begin, end), all on one side.
struct StepPart {
  uint32_t begin = 0, end = 0;
  bool on_device = false;
  uint64_t work = 0;  // multiplications, about
};

struct Recording {
  uint32_t tokens = 0, outputs = 0;
  uint64_t last_use = 0;
  Array<StepPart> parts;
  Array<VkCommandBuffer> commands;  // one a part, null on the CPU
};

class Recordings {
 public:
  explicit Recordings(Device* device = nullptr) noexcept : device_(device) {}
  Recordings(const Recordings&) = delete;
  Recordings& operator=(const Recordings&) = delete;
  ~Recordings();

  void init(Device* device) noexcept { device_ = device; }
  // The one of this size, or null.
  Recording* find(uint32_t tokens, uint32_t outputs) noexcept;
  // An empty one in the place of that used longest ago. Status: out_of_memory.
  Result<Recording*> make(uint32_t tokens, uint32_t outputs) noexcept;
  // Forgets one that could not be finished.
  void drop(Recording* recording) noexcept;

 private:
  static constexpr uint32_t kMost = 4;  // a token, a whole slice, and what comes between
  Device* device_;
  Recording rows_[kMost];
  uint64_t clock_ = 0;
};

// How many parts make a submission of a wanted length: learnt from those before.
class Pace {
 public:
  static constexpr uint64_t kSliceNs = 8'000'000;
  bool fits(uint64_t work) const noexcept { return static_cast<double>(work) <= rate_ * kSliceNs; }
  void learn(uint64_t work, uint64_t ns) noexcept;

 private:
  double rate_ = 1;  // multiplications a nanosecond; a slow phone's at first
};

// About how many multiplications a node takes in this step; keys and values not counted.
uint64_t node_work(const CpuCall& call) noexcept;

}  // namespace runnel::vulkan
