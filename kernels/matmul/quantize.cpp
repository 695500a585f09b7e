#include <string.h>

#include "kernels/matmul/registry.h"

namespace runnel {
namespace {

constexpr uint32_t kGroup = 32;
// Groups whose largest magnitude is below this count as zeros: levels / magnitude must stay finite.
constexpr uint32_t kSmallestBits = 0x0d800000;  // 2^-100

// q = round(x * (levels / largest)), scale = largest / levels. A group that is not finite gets a scale that is not a
// number: the outputs show it, where clamped values would look sound.
template <class T, int kLevels>
void quantize_group(const float* x, T* q, float* scale, int32_t* half_sums) noexcept {
  uint32_t bits[kGroup], largest_bits = 0;
  memcpy(bits, x, sizeof(bits));
  for (uint32_t i = 0; i < kGroup; ++i) {
    const uint32_t magnitude = bits[i] & 0x7fffffffu;
    largest_bits = magnitude > largest_bits ? magnitude : largest_bits;
  }
  if (largest_bits < kSmallestBits || largest_bits >= 0x7f800000u) {
    memset(q, 0, kGroup * sizeof(T));
    *scale = largest_bits < kSmallestBits ? 0.0f : __builtin_nanf("");
    half_sums[0] = half_sums[1] = 0;
    return;
  }
  const float largest = __builtin_bit_cast(float, largest_bits);
  const float inverse = static_cast<float>(kLevels) / largest;
  for (uint32_t half = 0; half < 2; ++half) {
    int32_t total = 0;
    for (uint32_t i = half * 16; i < half * 16 + 16; ++i) {
      // Adding 1.5 * 2^23 rounds to an integer, ties to even, and leaves it in the low bits.
      const int32_t value = __builtin_bit_cast(int32_t, x[i] * inverse + 12582912.0f) - 0x4b400000;
      q[i] = static_cast<T>(value);
      total += value;
    }
    half_sums[half] = total;
  }
  *scale = largest / static_cast<float>(kLevels);
}

template <LhsType kType, class T>
void quantize_groups(const float* x, uint32_t cols, uint32_t groups, void* out) noexcept {
  constexpr int kLevels = lhs_levels(kType);
  auto* q = static_cast<T*>(out);
  auto* scales = reinterpret_cast<float*>(q + size_t(groups) * kGroup);
  auto* sums = reinterpret_cast<int32_t*>(scales + groups);
  auto* halves = reinterpret_cast<int16_t*>(sums + groups);
  const uint32_t whole = cols / kGroup;
  for (uint32_t g = 0; g < groups; ++g) {
    const float* group = x + size_t(g) * kGroup;
    float tail[kGroup] = {};
    if (g >= whole) {
      if (g == whole) memcpy(tail, group, (cols - whole * kGroup) * sizeof(float));
      group = tail;
    }
    int32_t half_sums[2];
    quantize_group<T, kLevels>(group, q + size_t(g) * kGroup, scales + g, half_sums);
    sums[g] = half_sums[0] + half_sums[1];
    if constexpr (kType == LhsType::q8g32) {
      halves[2 * g] = static_cast<int16_t>(half_sums[0]);
      halves[2 * g + 1] = static_cast<int16_t>(half_sums[1]);
    }
  }
}

}  // namespace

void quantize_row(LhsType type, const float* x, uint32_t cols, uint32_t groups, void* out) noexcept {
  if (type == LhsType::q8g32) {
    quantize_groups<LhsType::q8g32, int8_t>(x, cols, groups, out);
  } else {
    quantize_groups<LhsType::q16g32, int16_t>(x, cols, groups, out);
  }
}

}  // namespace runnel
