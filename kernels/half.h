// float16 and bfloat16 to float32 and back: exact up, round to nearest with ties to even down.
//
// Infinities stay infinities, what is not a number stays that (made quiet, sign and high payload bits kept), subnormals
// are kept both ways, also where the host flushes subnormal floats. Down-conversion of what lies above the largest
// finite value rounds to infinity as IEEE 754 says; dtype quantisers clamp before. Branch-free but for selects, so that
// simple loops over these vectorise.
//
// Functions have internal linkage: a copy compiled into a file with wider ISA flags never serves the rest of the
// program. Any thread.
#pragma once

#include <stdint.h>

namespace runnel {

[[maybe_unused]] static inline float f16_to_f32(uint16_t half) noexcept {
  const uint32_t sign = uint32_t(half & 0x8000u) << 16;
  const uint32_t magnitude = uint32_t(half & 0x7fffu) << 13;
  // 2^-14 * (1 + fraction) - 2^-14 is a subnormal's value, exactly, without a subnormal float on the way.
  const float small = __builtin_bit_cast(float, magnitude + (113u << 23)) - 0x1p-14f;
  const uint32_t exponent = half & 0x7c00u;
  const uint32_t rebias = exponent == 0x7c00u ? 224u << 23 : 112u << 23;
  const uint32_t bits = exponent == 0 ? __builtin_bit_cast(uint32_t, small) : magnitude + rebias;
  return __builtin_bit_cast(float, sign | bits);
}

[[maybe_unused]] static inline uint16_t f32_to_f16(float value) noexcept {
  const uint32_t all = __builtin_bit_cast(uint32_t, value);
  const uint32_t sign = (all >> 16) & 0x8000u;
  const uint32_t bits = all & 0x7fffffffu;
  // A normal result: rebias the exponent and round in integers; a carry out of the fraction is the next exponent, and
  // out of the largest one infinity. Wraps for small values, whose lane is not taken.
  const uint32_t normal = (bits - (112u << 23) + 0xfffu + ((bits >> 13) & 1u)) >> 13;
  // A subnormal result counts in units of 2^-24, which is the unit in the last place of floats in [0.5, 1).
  const float shifted = __builtin_bit_cast(float, bits < (113u << 23) ? bits : 0u) + 0.5f;
  const uint32_t small = __builtin_bit_cast(uint32_t, shifted) - 0x3f000000u;
  const uint32_t nan = 0x7e00u | ((bits >> 13) & 0x1ffu);
  const uint32_t finite = bits < (113u << 23) ? small : normal;
  const uint32_t large = bits > 0x7f800000u ? nan : 0x7c00u;
  return static_cast<uint16_t>(sign | (bits >= (143u << 23) ? large : finite));
}

[[maybe_unused]] static inline float bf16_to_f32(uint16_t value) noexcept {
  return __builtin_bit_cast(float, uint32_t(value) << 16);
}

[[maybe_unused]] static inline uint16_t f32_to_bf16(float value) noexcept {
  const uint32_t bits = __builtin_bit_cast(uint32_t, value);
  const uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  const uint32_t nan = (bits >> 16) | 0x40u;
  return static_cast<uint16_t>((bits & 0x7fffffffu) > 0x7f800000u ? nan : rounded);
}

}  // namespace runnel
