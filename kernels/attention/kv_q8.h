// Bytes -127..127 times a float16 scale for each group of 32 along the head: 8.5 bits a number.
//
// Keys are rotated first (rotation.h), which spreads outlier channels over all dimensions. Values have none to speak
// of.
#pragma once

#include "kernels/attention/kv_group.h"
#include "kernels/half.h"
#include "kernels/simd/f32x16_math.h"

namespace runnel {
namespace {

struct KvQ8 {
  static constexpr KvType kType = KvType::q8;
  static constexpr int kHalves = 1;
  static constexpr bool kRotateKeys = true, kRotateValues = false;

  // Column kColumn of those that begin at p: 16 numbers, or the first `count`.
  template <int kColumn>
  static F32x16 at(const uint8_t* p) noexcept {
    return F32x16::load_i8(reinterpret_cast<const int8_t*>(p) + 16 * kColumn);
  }
  template <int kColumn>
  static F32x16 at(const uint8_t* p, uint32_t count) noexcept {
    int8_t lanes[16] = {};
    for (uint32_t i = 0; i < count; ++i) lanes[i] = static_cast<int8_t>(p[16 * kColumn + i]);
    return F32x16::load_i8(lanes);
  }

  // A group of n <= 32 numbers. Returns the scale, a float16.
  static uint16_t quantise(const float* x, uint32_t n, uint8_t* out) noexcept {
    float group[kKvGroup];
    const float largest = clamp_group(x, n, group);
    const uint16_t scale = f32_to_f16(largest * (1.0f / 127));
    const float stored = f16_to_f32(scale);
    const F32x16 inverse = F32x16::set1(stored > 0 ? 1 / stored : 0), limit = F32x16::set1(127);
    for (uint32_t i = 0; i < kKvGroup; i += 16) {
      const F32x16 q = F32x16::round(F32x16::load(group + i) * inverse);
      F32x16::max(F32x16::min(q, limit), F32x16::set1(-127)).store(group + i);
    }
    for (uint32_t i = 0; i < n; ++i) out[i] = static_cast<uint8_t>(static_cast<int8_t>(group[i]));
    return scale;
  }
};

}  // namespace
}  // namespace runnel
