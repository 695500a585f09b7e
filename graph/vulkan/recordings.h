// Steps recorded once and replayed: a recording is what a step of so many tokens and rows of logits does, in parts that
// are short enough to be handed over one by one.
//
// Ownership: owns its command buffers. Thread rule: one thread at a time.
#pragma once

#include "graph/vulkan/device.h"
#include "graph/vulkan/pace.h"

namespace runnel::vulkan {

// A node on the CPU, or commands of the device: of one node and those behind it, or of a share of one.
struct StepPart {
  uint32_t node = 0;
  bool on_device = false;
  Work work;
};

struct Recording {
  uint32_t tokens = 0, outputs = 0;
  uint64_t last_use = 0;
  Pace pace;                       // of steps of this size: a token waits for memory, a prompt for arithmetic
  uint64_t cut_work = UINT64_MAX;  // most that a part does, but for a single work group
  uint64_t least_cut = 0;          // shorter parts would be too many
  uint64_t keys = 0;               // most tokens that attention looks back at, as it is cut
  Array<StepPart> parts;
  Array<VkCommandBuffer> commands;  // one a part, null on the CPU

  // Where parts are cut, by the pace that was learnt so far, for a step of `total` work. Requires: no parts.
  void plan_cuts(const Work& total, uint64_t keys) noexcept;
  // Its parts would make submissions that are too long, or are far shorter than they need be.
  bool stale(uint64_t keys) const noexcept;
};

class Recordings {
 public:
  Recordings() noexcept = default;
  Recordings(const Recordings&) = delete;
  Recordings& operator=(const Recordings&) = delete;
  ~Recordings();

  void init(Device* device, uint32_t slice_ms) noexcept;
  // The one of this size, or null.
  Recording* find(uint32_t tokens, uint32_t outputs) noexcept;
  // An empty one in the place of that used longest ago.
  Recording* make(uint32_t tokens, uint32_t outputs) noexcept;
  // Forgets the parts, or the recording. Requires: the device has done what it was given of them.
  void clear(Recording* recording) noexcept;
  void drop(Recording* recording) noexcept;

 private:
  static constexpr uint32_t kMost = 4;  // a token, a whole slice, and what comes between
  Device* device_ = nullptr;
  uint32_t slice_ms_ = Pace::kDefaultMs;
  Recording rows_[kMost];
  uint64_t clock_ = 0;
};

}  // namespace runnel::vulkan
