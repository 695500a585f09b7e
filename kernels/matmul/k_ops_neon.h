// tile_k.h with NEON: four registers of 4 rows a panel; products by widening multiplies (Armv8.0).
#pragma once

#include <arm_neon.h>

#include "kernels/dtypes/iq4_levels.h"
#include "kernels/matmul/tile_k.h"

namespace runnel {
namespace {

struct KLanes128 {
  using U = uint32x4_t;
  using I = int32x4_t;
  using F = float32x4_t;
  using Q = int8x16_t;
  static constexpr int kParts = 4;
  static constexpr bool kSums16 = false;
  static constexpr int kLevelsOffset = 0;

  static I as_signed(U x) noexcept { return vreinterpretq_s32_u32(x); }
  static Q broadcast(const int8_t* q) noexcept {
    int32_t word;
    __builtin_memcpy(&word, q, sizeof(word));
    return vreinterpretq_s8_s32(vdupq_n_s32(word));
  }
  static I pair_dot(U pairs, const int16_t* halves) noexcept {
    const I both = as_signed(pairs);
    const I low = vshrq_n_s32(vshlq_n_s32(both, 16), 16), high = vshrq_n_s32(both, 16);
    return vmlaq_n_s32(vmulq_n_s32(low, halves[0]), high, halves[1]);
  }
  static U levels(U indices) noexcept {
    return vreinterpretq_u32_s8(vqtbl1q_s8(vld1q_s8(kIq4Levels), vreinterpretq_u8_u32(indices)));
  }
  static F to_float(I x) noexcept { return vcvtq_f32_s32(x); }
  static F load_halves(const uint8_t* p, int part) noexcept {
    return vcvt_f32_f16(vreinterpret_f16_u8(vld1_u8(p + 8 * part)));
  }
  static F splat(float x) noexcept { return vdupq_n_f32(x); }
  static F fma(F a, F b, F c) noexcept { return vfmaq_f32(c, a, b); }
};

struct KOpsNeon : KLanes128 {
  // Pairs of products are at most 2 * 127 * 127.
  static I dot(I sum, U w, Q q) noexcept {
    const int8x16_t bytes = vreinterpretq_s8_u32(w);
    const int16x8_t low = vmull_s8(vget_low_s8(bytes), vget_low_s8(q)), high = vmull_high_s8(bytes, q);
    return vpadalq_s16(sum, vpaddq_s16(low, high));
  }
};

}  // namespace
}  // namespace runnel
