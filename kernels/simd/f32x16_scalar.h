// Sixteen floats as one value, plain C++. The same operations under the same names live in f32x16_<isa>.h, and kernels
// that are templates over this type run on every instruction set.
//
// Everything here is in an unnamed namespace: each including file owns its copy, compiled with its own flags.
#pragma once

#include <stdint.h>

#include "kernels/half.h"

namespace runnel {
namespace {

// Four floats, each of which is to multiply a whole register: where they lie, since memory gives them to all lanes.
using Four = const float*;
[[maybe_unused]] static inline Four load_four(const float* p) noexcept { return p; }

struct F32x16 {
  float v[16];

  template <class Fn>
  static F32x16 each(Fn fn) noexcept {
    F32x16 r;
    for (int i = 0; i < 16; ++i) r.v[i] = fn(i);
    return r;
  }

  static F32x16 set1(float x) noexcept {
    return each([x](int) { return x; });
  }
  static F32x16 load(const float* p) noexcept {
    return each([p](int i) { return p[i]; });
  }
  static F32x16 load_f16(const uint16_t* p) noexcept {
    return each([p](int i) { return f16_to_f32(p[i]); });
  }
  static F32x16 load_i8(const int8_t* p) noexcept {
    return each([p](int i) { return static_cast<float>(p[i]); });
  }
  // levels[] of the low (kHalf 0) or high nibbles of 16 bytes.
  template <int kHalf>
  static F32x16 load_levels(const uint8_t* p, const int8_t* levels) noexcept {
    return each([&](int i) { return static_cast<float>(levels[p[i] >> 4 * kHalf & 15]); });
  }
  static F32x16 load_bf16(const uint16_t* p) noexcept {
    return each([p](int i) { return bf16_to_f32(p[i]); });
  }
  void store(float* p) const noexcept {
    for (int i = 0; i < 16; ++i) p[i] = v[i];
  }
  void store_f16(uint16_t* p) const noexcept {  // round to nearest, ties to even
    for (int i = 0; i < 16; ++i) p[i] = f32_to_f16(v[i]);
  }

  friend F32x16 operator+(const F32x16& a, const F32x16& b) noexcept {
    return each([&](int i) { return a.v[i] + b.v[i]; });
  }
  friend F32x16 operator-(const F32x16& a, const F32x16& b) noexcept {
    return each([&](int i) { return a.v[i] - b.v[i]; });
  }
  friend F32x16 operator*(const F32x16& a, const F32x16& b) noexcept {
    return each([&](int i) { return a.v[i] * b.v[i]; });
  }
  friend F32x16 operator/(const F32x16& a, const F32x16& b) noexcept {
    return each([&](int i) { return a.v[i] / b.v[i]; });
  }
  // a * b + c, rounded once where the instruction set can.
  static F32x16 fma(const F32x16& a, const F32x16& b, const F32x16& c) noexcept {
    return each([&](int i) { return a.v[i] * b.v[i] + c.v[i]; });
  }
  // fma(set1(a[kLane]), b, c)
  template <int kLane>
  static F32x16 fma_lane(Four a, const F32x16& b, const F32x16& c) noexcept {
    return fma(set1(a[kLane]), b, c);
  }
  static F32x16 min(const F32x16& a, const F32x16& b) noexcept {
    return each([&](int i) { return a.v[i] < b.v[i] ? a.v[i] : b.v[i]; });
  }
  static F32x16 max(const F32x16& a, const F32x16& b) noexcept {
    return each([&](int i) { return a.v[i] > b.v[i] ? a.v[i] : b.v[i]; });
  }
  // To the nearest integer, ties to even. Requires: |x| < 2^22.
  static F32x16 round(const F32x16& a) noexcept {
    return each([&](int i) { return (a.v[i] + 0x1.8p23f) - 0x1.8p23f; });
  }
  // 2^n of an integral n in [-126, 127].
  static F32x16 pow2(const F32x16& n) noexcept {
    return each([&](int i) { return __builtin_bit_cast(float, (static_cast<int32_t>(n.v[i]) + 127) << 23); });
  }
  // Lanes [begin, end) of `a`, the others `other`.
  static F32x16 keep(const F32x16& a, int begin, int end, float other) noexcept {
    return each([&](int i) { return i >= begin && i < end ? a.v[i] : other; });
  }
  // x < limit ? a : b, lane by lane.
  static F32x16 select_less(const F32x16& x, const F32x16& limit, const F32x16& a, const F32x16& b) noexcept {
    return each([&](int i) { return x.v[i] < limit.v[i] ? a.v[i] : b.v[i]; });
  }
  // |magnitude| with the sign of `sign`.
  static F32x16 copysign(const F32x16& magnitude, const F32x16& sign) noexcept {
    return each([&](int i) { return __builtin_copysignf(magnitude.v[i], sign.v[i]); });
  }
  // Both fold halves: (0..7) with (8..15), then 4, 2, 1. The same order on every instruction set.
  float reduce_add() const noexcept {
    float a[8];
    for (int i = 0; i < 8; ++i) a[i] = v[i] + v[i + 8];
    for (int i = 0; i < 4; ++i) a[i] += a[i + 4];
    return (a[0] + a[2]) + (a[1] + a[3]);
  }
  float reduce_max() const noexcept {
    float a = v[0];
    for (int i = 1; i < 16; ++i) a = v[i] > a ? v[i] : a;
    return a;
  }
};

inline constexpr int kTileRows = 4;  // rows of 16 floats that fit the registers beside their operands
inline constexpr int kDoubles = 2;   // of a register

}  // namespace
}  // namespace runnel
