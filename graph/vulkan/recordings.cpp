#include "graph/vulkan/recordings.h"

#include <algorithm>
#include <bit>

namespace runnel::vulkan {
namespace {

// A part is a share of what a slice does at the pace known when it is cut, so that a slower pace later still makes
// submissions of parts; but no more parts than this, whatever the pace.
constexpr uint64_t kPartsOfSlice = 4;
constexpr uint64_t kMostParts = 1024;
// Parts are cut anew when a slice does so many of them...
constexpr uint64_t kTooFine = 64;
// ... unless there are few anyway.
constexpr uint64_t kFewParts = 64;
// Attention is cut for twice the keys there are, and for this many at least.
constexpr uint64_t kLeastKeys = 1024;

}  // namespace

void Recording::plan_cuts(const Work& total, uint64_t keys_now) noexcept {
  keys = std::bit_ceil(std::max(keys_now, kLeastKeys));
  least_cut = total.at(keys) / kMostParts + 1;
  cut_work = std::max(pace.slice_work() / kPartsOfSlice, least_cut);
}

bool Recording::stale(uint64_t keys_now) const noexcept {
  const uint64_t slice = pace.slice_work();
  return keys_now > keys || cut_work > std::max(slice, least_cut) ||
         (cut_work < slice / kTooFine && parts.size() > kFewParts);
}

Recordings::~Recordings() {
  if (device_ == nullptr) return;
  for (Recording& recording : rows_) clear(&recording);
}

void Recordings::init(Device* device, uint32_t slice_ms) noexcept {
  device_ = device;
  slice_ms_ = slice_ms;
}

Recording* Recordings::find(uint32_t tokens, uint32_t outputs) noexcept {
  for (Recording& recording : rows_) {
    if (recording.tokens != tokens || recording.outputs != outputs || recording.parts.empty()) continue;
    recording.last_use = ++clock_;
    return &recording;
  }
  return nullptr;
}

Recording* Recordings::make(uint32_t tokens, uint32_t outputs) noexcept {
  Recording* oldest = &rows_[0];
  for (Recording& recording : rows_) {
    if (recording.last_use < oldest->last_use) oldest = &recording;
  }
  clear(oldest);
  oldest->tokens = tokens;
  oldest->outputs = outputs;
  oldest->last_use = ++clock_;
  oldest->pace = Pace(slice_ms_);
  return oldest;
}

void Recordings::clear(Recording* recording) noexcept {
  for (const VkCommandBuffer commands : recording->commands) device_->free_commands(commands);
  recording->commands.clear();
  recording->parts.clear();
}

void Recordings::drop(Recording* recording) noexcept {
  clear(recording);
  recording->last_use = 0;
}

}  // namespace runnel::vulkan
