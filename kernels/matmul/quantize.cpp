#include <string.h>

#include "kernels/matmul/registry.h"
#include "kernels/simd/narrow.h"

namespace runnel {
namespace {

constexpr uint32_t kGroup = 32;
// Groups whose largest magnitude is below this count as zeros: levels / magnitude must stay finite.
constexpr int32_t kSmallestBits = 0x0d800000;  // 2^-100

// q = round(x * (levels / largest)), scale = largest / levels. A group that is not finite gets a scale that is not a
// number: the outputs show it, where clamped values would look sound.
template <class T, int kLevels>
void quantize_group(const float* x, T* q, float* scale, int32_t* half_sums) noexcept {
  Int4 bits[kGroup / 4], most = {};
  for (uint32_t i = 0; i < kGroup / 4; ++i) {
    memcpy(&bits[i], x + size_t(4) * i, sizeof(Int4));
    const Int4 magnitude = bits[i] & 0x7fffffff;  // as integers the magnitudes of floats have the floats' order
    most = magnitude > most ? magnitude : most;
  }
  const int32_t low = most[0] > most[1] ? most[0] : most[1], high = most[2] > most[3] ? most[2] : most[3];
  const int32_t largest_bits = low > high ? low : high;
  if (largest_bits < kSmallestBits || largest_bits >= 0x7f800000) {
    memset(q, 0, kGroup * sizeof(T));
    *scale = largest_bits < kSmallestBits ? 0.0f : __builtin_nanf("");
    half_sums[0] = half_sums[1] = 0;
    return;
  }
  const float largest = __builtin_bit_cast(float, largest_bits);
  const float inverse = static_cast<float>(kLevels) / largest;
  for (int half = 0; half < 2; ++half) {
    Int16 values;
    Int4 sums = {};
    for (int i = 0; i < 4; ++i) {
      // Adding 1.5 * 2^23 rounds to an integer, ties to even, and leaves it in the low bits.
      const Float4 shifted = __builtin_bit_cast(Float4, bits[4 * half + i]) * inverse + 12582912.0f;
      values.v[i] = __builtin_bit_cast(Int4, shifted) - 0x4b400000;
      sums += values.v[i];
    }
    store_narrow(values, q + 16 * half);
    half_sums[half] = (sums[0] + sums[2]) + (sums[1] + sums[3]);
  }
  *scale = largest / static_cast<float>(kLevels);
}

template <LhsType kType, class T>
void quantize_groups(const float* x, uint32_t cols, uint32_t groups, void* out) noexcept {
  constexpr int kLevels = lhs_levels(kType);
  auto* q = static_cast<T*>(out);
  auto* scales = reinterpret_cast<float*>(q + size_t(groups) * kGroup);
  auto* starts = reinterpret_cast<int32_t*>(scales + groups);
  auto* weighted = reinterpret_cast<float*>(starts + groups);
  auto* halves = reinterpret_cast<int16_t*>(weighted + groups);
  const uint32_t whole = cols / kGroup;
  for (uint32_t g = 0; g < groups; ++g) {
    const float* group = x + size_t(g) * kGroup;
    float tail[kGroup];
    if (g >= whole) {
      memset(tail, 0, sizeof(tail));
      if (g == whole) memcpy(tail, group, (cols - whole * kGroup) * sizeof(float));
      group = tail;
    }
    int32_t half_sums[2];
    quantize_group<T, kLevels>(group, q + size_t(g) * kGroup, scales + g, half_sums);
    const int32_t sum = half_sums[0] + half_sums[1];
    starts[g] = -8 * sum;
    weighted[g] = scales[g] * static_cast<float>(sum);
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
