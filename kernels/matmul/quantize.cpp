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
void quantize_group(const float* x, T* q, float* scale, int32_t* sum) noexcept {
  uint32_t bits[kGroup], largest_bits = 0;
  memcpy(bits, x, sizeof(bits));
  for (uint32_t i = 0; i < kGroup; ++i) {
    const uint32_t magnitude = bits[i] & 0x7fffffffu;
    largest_bits = magnitude > largest_bits ? magnitude : largest_bits;
  }
  if (largest_bits < kSmallestBits || largest_bits >= 0x7f800000u) {
    memset(q, 0, kGroup * sizeof(T));
    *scale = largest_bits < kSmallestBits ? 0.0f : __builtin_nanf("");
    *sum = 0;
    return;
  }
  const float largest = __builtin_bit_cast(float, largest_bits);
  const float inverse = static_cast<float>(kLevels) / largest;
  int32_t total = 0;
  for (uint32_t i = 0; i < kGroup; ++i) {
    // Adding 1.5 * 2^23 rounds to an integer, ties to even, and leaves it in the low bits.
    const int32_t value = __builtin_bit_cast(int32_t, x[i] * inverse + 12582912.0f) - 0x4b400000;
    q[i] = static_cast<T>(value);
    total += value;
  }
  *scale = largest / static_cast<float>(kLevels);
  *sum = total;
}

template <LhsType kType, class T>
void quantize_groups(const float* x, uint32_t cols, uint32_t groups, void* out) noexcept {
  constexpr int kLevels = lhs_levels(kType);
  auto* q = static_cast<T*>(out);
  auto* scales = reinterpret_cast<float*>(q + size_t(groups) * kGroup);
  auto* sums = reinterpret_cast<int32_t*>(scales + groups);
  const uint32_t whole = cols / kGroup;
  for (uint32_t g = 0; g < groups; ++g) {
    if (g < whole) {
      quantize_group<T, kLevels>(x + size_t(g) * kGroup, q + size_t(g) * kGroup, scales + g, sums + g);
      continue;
    }
    float tail[kGroup] = {};
    if (g == whole) memcpy(tail, x + size_t(whole) * kGroup, (cols - whole * kGroup) * sizeof(float));
    quantize_group<T, kLevels>(tail, q + size_t(g) * kGroup, scales + g, sums + g);
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
