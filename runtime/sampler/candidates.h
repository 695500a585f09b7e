// Which logits a draw can fall on at all: of a vocabulary of 256k tokens usually a small part, found a block at a time.
//
// Pure functions, any thread; nothing is allocated.
#pragma once

#include <cstdint>
#include <span>

namespace runnel {

inline constexpr uint32_t kBlockLogits = 256;
constexpr uint32_t logit_blocks(uint32_t count) noexcept { return (count + kBlockLogits - 1) / kBlockLogits; }

// Index of the largest value, the first of equals, and the largest of each block of kBlockLogits. False, *index at the
// culprit, for a value that is NaN or +infinity.
bool find_largest(std::span<const float> logits, float* block_largest, uint32_t* index) noexcept;

// A value that at least `rank` of the logits reach; minus infinity when the blocks do not tell. Reorders block_largest.
float reached_by(std::span<float> block_largest, uint32_t rank) noexcept;

// Index and value of every logit that is `least` or more, in order; returns how many. `values` may be the logits' own
// memory. Looks only into blocks whose largest is that large.
uint32_t gather(std::span<const float> logits, const float* block_largest, float least, uint32_t* ids,
                float* values) noexcept;

}  // namespace runnel
