// Sixteen floats in four 128-bit registers (Armv8.0 Advanced SIMD). See f32x16_scalar.h for what each operation means.
#pragma once

#include <arm_neon.h>
#include <stdint.h>

namespace runnel {
namespace {

// Four floats, each of which is to multiply a whole register.
using Four = float32x4_t;
[[maybe_unused]] static inline Four load_four(const float* p) noexcept { return vld1q_f32(p); }

struct F32x16 {
  float32x4_t v[4];

  template <class Fn>
  static F32x16 each(Fn fn) noexcept {
    return {{fn(0), fn(1), fn(2), fn(3)}};
  }

  static F32x16 set1(float x) noexcept {
    return each([x](int) { return vdupq_n_f32(x); });
  }
  static F32x16 load(const float* p) noexcept {
    return each([p](int i) { return vld1q_f32(p + 4 * i); });
  }
  static F32x16 load_f16(const uint16_t* p) noexcept {
    const float16x8_t low = vreinterpretq_f16_u16(vld1q_u16(p)), high = vreinterpretq_f16_u16(vld1q_u16(p + 8));
    return {{vcvt_f32_f16(vget_low_f16(low)), vcvt_high_f32_f16(low), vcvt_f32_f16(vget_low_f16(high)),
             vcvt_high_f32_f16(high)}};
  }
  static F32x16 load_i8(const int8_t* p) noexcept { return from_i8(vld1q_s8(p)); }
  template <int kHalf>
  static F32x16 load_levels(const uint8_t* p, const int8_t* levels) noexcept {
    const uint8x16_t bytes = vld1q_u8(p);
    const uint8x16_t index = kHalf == 0 ? vandq_u8(bytes, vdupq_n_u8(15)) : vshrq_n_u8(bytes, 4);
    return from_i8(vqtbl1q_s8(vld1q_s8(levels), index));
  }
  static F32x16 load_bf16(const uint16_t* p) noexcept {
    return each([p](int i) { return vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(p + 4 * i), 16)); });
  }
  void store(float* p) const noexcept {
    for (int i = 0; i < 4; ++i) vst1q_f32(p + 4 * i, v[i]);
  }
  void store_f16(uint16_t* p) const noexcept {
    for (int i = 0; i < 4; ++i) vst1_u16(p + 4 * i, vreinterpret_u16_f16(vcvt_f16_f32(v[i])));
  }

  friend F32x16 operator+(const F32x16& a, const F32x16& b) noexcept {
    return each([&](int i) { return vaddq_f32(a.v[i], b.v[i]); });
  }
  friend F32x16 operator-(const F32x16& a, const F32x16& b) noexcept {
    return each([&](int i) { return vsubq_f32(a.v[i], b.v[i]); });
  }
  friend F32x16 operator*(const F32x16& a, const F32x16& b) noexcept {
    return each([&](int i) { return vmulq_f32(a.v[i], b.v[i]); });
  }
  friend F32x16 operator/(const F32x16& a, const F32x16& b) noexcept {
    return each([&](int i) { return vdivq_f32(a.v[i], b.v[i]); });
  }
  static F32x16 fma(const F32x16& a, const F32x16& b, const F32x16& c) noexcept {
    return each([&](int i) { return vfmaq_f32(c.v[i], a.v[i], b.v[i]); });
  }
  template <int kLane>
  static F32x16 fma_lane(const Four& a, const F32x16& b, const F32x16& c) noexcept {
    return each([&](int i) { return vfmaq_laneq_f32(c.v[i], b.v[i], a, kLane); });
  }
  static F32x16 min(const F32x16& a, const F32x16& b) noexcept {
    return each([&](int i) { return vminq_f32(a.v[i], b.v[i]); });
  }
  static F32x16 max(const F32x16& a, const F32x16& b) noexcept {
    return each([&](int i) { return vmaxq_f32(a.v[i], b.v[i]); });
  }
  static F32x16 round(const F32x16& a) noexcept {
    return each([&](int i) { return vrndnq_f32(a.v[i]); });
  }
  static F32x16 pow2(const F32x16& n) noexcept {
    return each([&](int i) {
      return vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(vcvtnq_s32_f32(n.v[i]), vdupq_n_s32(127)), 23));
    });
  }
  static F32x16 keep(const F32x16& a, int begin, int end, float other) noexcept {
    static const int32_t kFirst[4] = {0, 1, 2, 3};
    return each([&](int i) {
      const int32x4_t index = vaddq_s32(vld1q_s32(kFirst), vdupq_n_s32(4 * i));
      const uint32x4_t inside = vandq_u32(vcgeq_s32(index, vdupq_n_s32(begin)), vcltq_s32(index, vdupq_n_s32(end)));
      return vbslq_f32(inside, a.v[i], vdupq_n_f32(other));
    });
  }
  static F32x16 select_less(const F32x16& x, const F32x16& limit, const F32x16& a, const F32x16& b) noexcept {
    return each([&](int i) { return vbslq_f32(vcltq_f32(x.v[i], limit.v[i]), a.v[i], b.v[i]); });
  }
  static F32x16 copysign(const F32x16& magnitude, const F32x16& sign) noexcept {
    return each([&](int i) { return vbslq_f32(vdupq_n_u32(1u << 31), sign.v[i], magnitude.v[i]); });
  }
  float reduce_add() const noexcept {
    const float32x4_t four = vaddq_f32(vaddq_f32(v[0], v[2]), vaddq_f32(v[1], v[3]));
    const float32x2_t two = vadd_f32(vget_low_f32(four), vget_high_f32(four));
    return vget_lane_f32(two, 0) + vget_lane_f32(two, 1);
  }
  float reduce_max() const noexcept { return vmaxvq_f32(vmaxq_f32(vmaxq_f32(v[0], v[1]), vmaxq_f32(v[2], v[3]))); }

 private:
  static F32x16 from_i8(int8x16_t x) noexcept {
    const int16x8_t low = vmovl_s8(vget_low_s8(x)), high = vmovl_high_s8(x);
    return {{vcvtq_f32_s32(vmovl_s16(vget_low_s16(low))), vcvtq_f32_s32(vmovl_high_s16(low)),
             vcvtq_f32_s32(vmovl_s16(vget_low_s16(high))), vcvtq_f32_s32(vmovl_high_s16(high))}};
  }
};

inline constexpr int kTileRows = 4;  // 16 accumulators, 4 operands, and room for broadcasts
inline constexpr int kDoubles = 2;   // of a register

}  // namespace
}  // namespace runnel
