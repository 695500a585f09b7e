// Attention at depth: steps of few tokens hand out the parts of their keys (kernels/attention/attention.h) as work
// groups of their own, into memory that the layers of a step use in turn.
#pragma once

#include "graph/vulkan/recorder.h"

namespace runnel::vulkan {

// Most tokens of a step whose parts are handed out. More of them fill a device by themselves.
inline constexpr uint32_t kMostSplitTokens = 8;

// Bytes for the sums of an attention's parts; 0 for other ops, and where a context or window has one range alone.
uint64_t partial_bytes(const CpuCall& call, std::span<const StateSlot> slots, uint32_t max_tokens,
                       uint32_t context_tokens) noexcept;
bool splits_attention(uint32_t tokens, uint32_t window, const StepAddresses& step) noexcept;

}  // namespace runnel::vulkan
