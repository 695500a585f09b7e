#include "graph/vulkan/parts.h"

#include <algorithm>

namespace runnel::vulkan {
namespace {

constexpr uint32_t kHeads = 1;  // attribute of attention

bool has_parts(uint32_t window) noexcept { return window == 0 || window > kRangeKeys; }

}  // namespace

uint64_t partial_bytes(const CpuCall& call, std::span<const StateSlot> slots, uint32_t max_tokens,
                       uint32_t context_tokens) noexcept {
  if (call.op != &op_attention || context_tokens <= kRangeKeys) return 0;
  const StateSlot& slot = slots[static_cast<size_t>(call.attrs[call.op->slot_attr])];
  if (!has_parts(slot.window)) return 0;
  const uint64_t rows = uint64_t{std::min(max_tokens, kMostSplitTokens)} * static_cast<uint32_t>(call.attrs[kHeads]);
  return rows * kParts * (slot.head_dim + 2) * sizeof(float);
}

bool splits_attention(uint32_t tokens, uint32_t window, const StepAddresses& step) noexcept {
  return step.partials != 0 && tokens <= kMostSplitTokens && has_parts(window);
}

}  // namespace runnel::vulkan
