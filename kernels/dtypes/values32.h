// Arithmetic on the 32 values of a group for the quantisers: the compilers' own four-lane vectors, which every target
// of ours has, so that the speed does not hang on what a loop vectoriser makes of min, max and sums. One order of
// additions everywhere: the same bits on every CPU.
#pragma once

#include <cfloat>
#include <cstdint>
#include <cstring>

#include "kernels/simd/vec4.h"

namespace runnel {

struct Values32 {
  static constexpr int kVectors = 8;
  Float4 v[kVectors];

  float lane(int i) const noexcept { return v[i / 4][i % 4]; }
};

// What is not a number counts as 0, infinities as the largest finite value.
inline Values32 load_finite(const float* in) noexcept {
  Values32 x;
  for (int i = 0; i < Values32::kVectors; ++i) {
    Float4 value;
    std::memcpy(&value, in + 4 * i, sizeof(value));
    value = value == value ? value : splat(0);
    x.v[i] = max4(min4(value, splat(FLT_MAX)), splat(-FLT_MAX));
  }
  return x;
}

inline float smallest(const Values32& x) noexcept {
  Float4 low = x.v[0];
  for (int i = 1; i < Values32::kVectors; ++i) low = min4(low, x.v[i]);
  const float a = low[0] < low[1] ? low[0] : low[1], b = low[2] < low[3] ? low[2] : low[3];
  return a < b ? a : b;
}

inline float largest(const Values32& x) noexcept {
  Float4 high = x.v[0];
  for (int i = 1; i < Values32::kVectors; ++i) high = max4(high, x.v[i]);
  const float a = high[0] > high[1] ? high[0] : high[1], b = high[2] > high[3] ? high[2] : high[3];
  return a > b ? a : b;
}

inline float dot(const Values32& a, const Values32& b) noexcept {
  Float4 even = a.v[0] * b.v[0], odd = a.v[1] * b.v[1];
  for (int i = 2; i < Values32::kVectors; i += 2) {
    even += a.v[i] * b.v[i];
    odd += a.v[i + 1] * b.v[i + 1];
  }
  const Float4 sums = even + odd;
  return (sums[0] + sums[2]) + (sums[1] + sums[3]);
}

inline float sum(const Values32& x) noexcept {
  Float4 even = x.v[0], odd = x.v[1];
  for (int i = 2; i < Values32::kVectors; i += 2) {
    even += x.v[i];
    odd += x.v[i + 1];
  }
  const Float4 sums = even + odd;
  return (sums[0] + sums[2]) + (sums[1] + sums[3]);
}

// (x - offset) * inverse kept within [low, high] and rounded to integers, ties to even. Adding 1.5 * 2^23 rounds in the
// default rounding mode. Requires: |low|, |high| < 2^22.
inline Values32 round_levels(const Values32& x, float offset, float inverse, float low, float high) noexcept {
  Values32 levels;
  for (int i = 0; i < Values32::kVectors; ++i) {
    const Float4 level = (x.v[i] - splat(offset)) * splat(inverse);
    levels.v[i] = (max4(min4(level, splat(high)), splat(low)) + splat(12582912.0f)) - splat(12582912.0f);
  }
  return levels;
}

// Integers -128 .. 127 as bytes.
inline void store_bytes(const Values32& levels, int8_t* bytes) noexcept {
  for (int i = 0; i < 32; ++i) bytes[i] = static_cast<int8_t>(static_cast<int32_t>(levels.lane(i)));
}

// Integers 0 .. 15 as nibbles: byte i of 16 holds values i (low nibble) and 16 + i.
inline void store_nibbles(const Values32& levels, uint8_t* bytes) noexcept {
  for (int i = 0; i < 4; ++i) {
    // Adding 2^23 leaves the integer in the low bits.
    const Uint4 low = __builtin_bit_cast(Uint4, levels.v[i] + splat(8388608.0f));
    const Uint4 high = __builtin_bit_cast(Uint4, levels.v[4 + i] + splat(8388608.0f));
    const Uint4 both = (low & 15u) | ((high & 15u) << 4);
    for (int lane = 0; lane < 4; ++lane) bytes[4 * i + lane] = static_cast<uint8_t>(both[lane]);
  }
}

}  // namespace runnel
