#include "graph/vulkan/recordings.h"

#include <algorithm>

namespace runnel::vulkan {

Recordings::~Recordings() {
  if (device_ == nullptr) return;
  for (Recording& recording : rows_) drop(&recording);
}

Recording* Recordings::find(uint32_t tokens, uint32_t outputs) noexcept {
  for (Recording& recording : rows_) {
    if (recording.tokens != tokens || recording.outputs != outputs || recording.parts.empty()) continue;
    recording.last_use = ++clock_;
    return &recording;
  }
  return nullptr;
}

Result<Recording*> Recordings::make(uint32_t tokens, uint32_t outputs) noexcept {
  Recording* oldest = &rows_[0];
  for (Recording& recording : rows_) {
    if (recording.last_use < oldest->last_use) oldest = &recording;
  }
  drop(oldest);
  oldest->tokens = tokens;
  oldest->outputs = outputs;
  oldest->last_use = ++clock_;
  return oldest;
}

void Recordings::drop(Recording* recording) noexcept {
  for (const VkCommandBuffer commands : recording->commands) device_->free_commands(commands);
  recording->commands.clear();
  recording->parts.clear();
  recording->last_use = 0;
}

void Pace::learn(uint64_t work, uint64_t ns) noexcept {
  if (ns == 0 || work == 0) return;
  // Halfway to what was seen, and never up by more than 4 at once: one odd submission must not make the next one long.
  const double seen = static_cast<double>(work) / static_cast<double>(ns);
  rate_ = std::min((rate_ + seen) / 2, rate_ * 4);
}

uint64_t node_work(const CpuCall& call) noexcept {
  uint64_t work = uint64_t{call.out[0].rows} * call.out[0].cols;
  if (call.op == &op_linear) work *= call.in[0].cols;
  return work;
}

}  // namespace runnel::vulkan
