// What the dot products of tall_neon.h share whose sums have a row of weights in each lane: where they lie, and how a
// group's integers join the float sums.
#pragma once

#include "kernels/matmul/tall_neon.h"

namespace runnel {
namespace {

// Integers of 8 rows by kTokens tokens.
template <uint32_t kTokens>
struct LaneDots {
  int32x4_t at[kTokens][2];
};
template <uint32_t kTokens>
struct LaneTotals {
  float32x4_t at[kTokens][2];
};

static inline void put_lanes(float32x4_t x, int quarter, float* out) noexcept { vst1q_f32(out + 4 * quarter, x); }
static inline void put_lanes(int32x4_t x, int quarter, int32_t* out) noexcept { vst1q_s32(out + 4 * quarter, x); }

template <uint32_t kTokens>
static inline LaneTotals<kTokens> load_totals(const TileOut& out) noexcept {
  LaneTotals<kTokens> totals = {};
  if (!out.begun) return totals;
  for (uint32_t t = 0; t < kTokens; ++t)
    for (int i = 0; i < 2; ++i)
      if (out.has<kTokens>(t)) totals.at[t][i] = vld1q_f32(out.token(t) + 4 * i);
  return totals;
}
template <uint32_t kTokens>
static inline void store_totals(const LaneTotals<kTokens>& totals, const TileOut& out) noexcept {
  for (uint32_t t = 0; t < kTokens; ++t)
    for (int i = 0; i < 2; ++i)
      if (out.has<kTokens>(t)) vst1q_f32(out.token(t) + 4 * i, totals.at[t][i]);
}

// Half a group of each token. Register by register: of a pair an in-order core waits for both.
template <uint32_t kTokens>
static inline void load_half(const int8_t (&q)[kTileTokens][16], int8x16_t (&bytes)[kTokens]) noexcept {
  for (uint32_t t = 0; t < kTokens; ++t) {
    bytes[t] = vld1q_s8(q[t]);
    __asm__ volatile("" : "+w"(bytes[t]));
  }
}

// totals += dots * scales (+ minima * sums).
template <class Dot, class Form, uint32_t kTokens>
static inline void add_group(const LaneDots<kTokens>& dots, const TallGroup<Dot, Form>& w,
                             const TallTokens<Dot, Form>& x, LaneTotals<kTokens>& totals) noexcept {
  const float32x4_t token_scales = vld1q_f32(x.scale);
  for (int i = 0; i < 2; ++i) {
    const float32x4_t scale = vld1q_f32(w.scales + 4 * i);
    for (uint32_t t = 0; t < kTokens; ++t) {
      float32x4_t dot;
      if constexpr (Form::kFractionBits == 0) {
        dot = vcvtq_f32_s32(dots.at[t][i]);
      } else {
        dot = vcvtq_n_f32_s32(dots.at[t][i], Form::kFractionBits);
      }
      totals.at[t][i] = vfmaq_f32(totals.at[t][i], dot, vmulq_n_f32(scale, token_scales[t]));
    }
  }
  if constexpr (Form::kMinima) {
    const float32x4_t token_sums = vld1q_f32(x.weighted);
    for (int i = 0; i < 2; ++i) {
      const float32x4_t minimum = vld1q_f32(w.minima + 4 * i);
      for (uint32_t t = 0; t < kTokens; ++t) totals.at[t][i] = vfmaq_n_f32(totals.at[t][i], minimum, token_sums[t]);
    }
  }
}

// totals += minima * (the halves' minima times the halves' sums of activations), which are exact.
template <class Dot, class Form, uint32_t kTokens>
static inline void add_half_minima(const TallGroup<Dot, Form>& w, const TallTokens<Dot, Form>& x,
                                   LaneTotals<kTokens>& totals) noexcept {
  int32_t sums[kTokens][2];
  for (uint32_t t = 0; t < kTokens; ++t)
    for (int half = 0; half < 2; ++half) sums[t][half] = vaddlvq_s8(vld1q_s8(x.q[0][half][t]));
  for (int i = 0; i < 2; ++i) {
    const float32x4_t minimum = vld1q_f32(w.minima + 4 * i);
    const int32x4_t first = vld1q_s32(w.half_minima[0] + 4 * i), last = vld1q_s32(w.half_minima[1] + 4 * i);
    for (uint32_t t = 0; t < kTokens; ++t) {
      const int32x4_t dot = vmlaq_n_s32(vmulq_n_s32(first, sums[t][0]), last, sums[t][1]);
      totals.at[t][i] = vfmaq_f32(totals.at[t][i], vcvtq_f32_s32(dot), vmulq_n_f32(minimum, x.scale[t]));
    }
  }
}

// dots += part * the integer scales of half a group.
template <class Dot, class Form, uint32_t kTokens>
static inline void add_half_group(const LaneDots<kTokens>& part, const TallGroup<Dot, Form>& w, int half,
                                  LaneDots<kTokens>& dots) noexcept {
  for (int i = 0; i < 2; ++i) {
    const int32x4_t scale = vld1q_s32(w.half_scales[half] + 4 * i);
    for (uint32_t t = 0; t < kTokens; ++t) dots.at[t][i] = vmlaq_s32(dots.at[t][i], part.at[t][i], scale);
  }
}

}  // namespace
}  // namespace runnel
