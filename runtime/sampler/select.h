// Finds where to cut a list ordered by (key descending, index ascending) without sorting it: the shortest prefix whose
// weights reach a target. Radix selection over the 32 key bits, three passes of 11, 11 and 10 bits, so O(n) whatever
// the keys. Weights are integers, so sums are exact in any order.
#pragma once

#include <bit>
#include <cstdint>
#include <utility>

namespace runnel {

// Larger float, larger key; equal floats (-0 and +0 too), equal keys. Not for NaN.
inline uint32_t order_key(float value) noexcept {
  const uint32_t bits = std::bit_cast<uint32_t>(value + 0.0f);  // -0 becomes +0
  return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

// Elements with a larger key, or with this key and an index up to this one, are before the cut.
struct Cut {
  uint32_t key = 0;
  uint32_t index = UINT32_MAX;
  bool keeps(uint32_t other_key, uint32_t other_index) const noexcept {
    return other_key > key || (other_key == key && other_index <= index);
  }
};

inline constexpr uint32_t kSelectBins = 2048;

// `key(i)` gives the key of element i of [0, count), `weight(i)` its weight, 0 for elements that do not take part.
// Requires: 1 <= target <= the sum of all weights < 2^64. `bins` is kSelectBins words of scratch.
template <class KeyOf, class WeightOf>
Cut select_cut(uint32_t count, uint64_t target, uint64_t* bins, KeyOf key, WeightOf weight) noexcept {
  uint32_t prefix = 0, prefix_mask = 0;
  uint64_t before = 0;  // weight of all elements ordered before the bin that is being split; below target
  for (const auto& [shift, bits] : {std::pair{21u, 11u}, std::pair{10u, 11u}, std::pair{0u, 10u}}) {
    const uint32_t digits = 1u << bits;
    for (uint32_t i = 0; i < digits; ++i) bins[i] = 0;
    for (uint32_t i = 0; i < count; ++i) {
      const uint32_t k = key(i);
      if ((k & prefix_mask) == prefix) bins[(k >> shift) & (digits - 1)] += weight(i);
    }
    uint32_t digit = digits - 1;
    while (digit > 0 && before + bins[digit] < target) before += bins[digit--];
    prefix |= digit << shift;
    prefix_mask |= (digits - 1) << shift;
  }
  // All that is left shares one key; it is cut by index.
  for (uint32_t i = 0; i < count; ++i) {
    if (key(i) != prefix) continue;
    before += weight(i);
    if (before >= target) return {prefix, i};
  }
  return {};
}

}  // namespace runnel
