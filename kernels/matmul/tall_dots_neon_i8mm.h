// Dot of tall_neon.h by smmla: two tokens by two rows of 8 bytes, 32 products. A register of weights holds 8 k of two
// rows, two neighbouring vectors of the panel zipped by lanes of 32 bits; a register of activations 8 k of two tokens;
// a register of sums is
//   token 0 row 0, token 0 row 1, token 1 row 0, token 1 row 1
// and so are the scales laid out: a row's twice, a token's twice.
#pragma once

#include "kernels/matmul/tall_neon.h"
#include "kernels/matmul/tall_smmla_loop.h"

namespace runnel {
namespace {

struct TallI8mm {
  template <int kPlanes>
  using Tokens = LhsPairGroup<kPlanes>;
  static constexpr size_t kScaleFloats = 2 * kHalfRows;
  static constexpr bool kShortSums = false;

  // (8 k, pair of rows, 16)
  static void put_weights(const int8x16_t* vectors, int quarter, int8_t* out) noexcept {
    for (int step = 0; step < 4; ++step) {
      const int32x4_t even = vreinterpretq_s32_s8(vectors[2 * step]);
      const int32x4_t odd = vreinterpretq_s32_s8(vectors[2 * step + 1]);
      vst1q_s8(out + 64 * step + 32 * quarter, vreinterpretq_s8_s32(vzip1q_s32(even, odd)));
      vst1q_s8(out + 64 * step + 32 * quarter + 16, vreinterpretq_s8_s32(vzip2q_s32(even, odd)));
    }
  }
  static void put_scales(float32x4_t scales, int quarter, float* out) noexcept {
    const float64x2_t pairs = vreinterpretq_f64_f32(scales);
    vst1q_f32(out + 8 * quarter, vreinterpretq_f32_f64(vzip1q_f64(pairs, pairs)));
    vst1q_f32(out + 8 * quarter + 4, vreinterpretq_f32_f64(vzip2q_f64(pairs, pairs)));
  }
  static void put_scales(int32x4_t scales, int quarter, int32_t* out) noexcept {
    const int64x2_t pairs = vreinterpretq_s64_s32(scales);
    vst1q_s32(out + 8 * quarter, vreinterpretq_s32_s64(vzip1q_s64(pairs, pairs)));
    vst1q_s32(out + 8 * quarter + 4, vreinterpretq_s32_s64(vzip2q_s64(pairs, pairs)));
  }

  template <uint32_t kTokens, class Form>
  static void tile(const TallGroup<TallI8mm, Form>* w, const Tokens<Form::kPlanes>* x, uint32_t groups,
                   const TileOut& out) noexcept {
    Totals<kTokens / 2> totals = load<kTokens>(out);
    if constexpr (kTokens == kTileTokens && Form::kPlanes == 1 && !Form::kHalfScales && !Form::kHalfMinima) {
      smmla_loop<Form>(w, x, groups, totals.at);
    } else {
      for (uint32_t g = 0; g < groups; ++g, ++w, ++x) add_group(*w, *x, totals);
    }
    store<kTokens>(totals, out);
  }

 private:
  template <uint32_t kPairs>
  struct Dots {
    int32x4_t at[kPairs][4];
  };
  template <uint32_t kPairs>
  struct Totals {
    float32x4_t at[kPairs][4];
  };

  template <uint32_t kPairs, class Form>
  static inline void add_group(const TallGroup<TallI8mm, Form>& w, const Tokens<Form::kPlanes>& x,
                               Totals<kPairs>& totals) noexcept {
    Dots<kPairs> dots = {};
    for (int plane = 0; plane < Form::kPlanes; ++plane) {
      if (plane != 0)
        for (auto& pair : dots.at)
          for (int32x4_t& sum : pair) sum = vshlq_n_s32(sum, 8);
      for (int half = 0; half < 2; ++half) {
        if constexpr (Form::kHalfScales) {
          Dots<kPairs> part = {};
          dot_half(w.bytes + 128 * half, x.q[plane] + 2 * half, part);
          for (int i = 0; i < 4; ++i) {
            const int32x4_t scale = vld1q_s32(w.half_scales[half] + 4 * i);
            for (uint32_t t = 0; t < kPairs; ++t) dots.at[t][i] = vmlaq_s32(dots.at[t][i], part.at[t][i], scale);
          }
        } else {
          dot_half(w.bytes + 128 * half, x.q[plane] + 2 * half, dots);
        }
      }
    }
    for (int i = 0; i < 4; ++i) {
      const float32x4_t scale = vld1q_f32(w.scales + 4 * i);
      for (uint32_t t = 0; t < kPairs; ++t) {
        float32x4_t dot;
        if constexpr (Form::kFractionBits == 0) {
          dot = vcvtq_f32_s32(dots.at[t][i]);
        } else {
          dot = vcvtq_n_f32_s32(dots.at[t][i], Form::kFractionBits);
        }
        totals.at[t][i] = vfmaq_f32(totals.at[t][i], dot, scale * vld1q_f32(x.scale[2 * t]));
      }
      if constexpr (Form::kMinima) {
        const float32x4_t minimum = vld1q_f32(w.minima + 4 * i);
        for (uint32_t t = 0; t < kPairs; ++t)
          totals.at[t][i] = vfmaq_f32(totals.at[t][i], minimum, vld1q_f32(x.weighted[2 * t]));
      }
    }
    if constexpr (Form::kHalfMinima) add_half_minima(w, x, totals);
  }

  // As tall_lanes_neon.h has it.
  template <uint32_t kPairs, class Form>
  static inline void add_half_minima(const TallGroup<TallI8mm, Form>& w, const Tokens<1>& x,
                                     Totals<kPairs>& totals) noexcept {
    for (uint32_t t = 0; t < kPairs; ++t) {
      const int32x4_t sums[2] = {half_sums(x, 0, t), half_sums(x, 1, t)};
      const float32x4_t token_scale = vld1q_f32(x.scale[2 * t]);
      for (int i = 0; i < 4; ++i) {
        const int32x4_t first = vld1q_s32(w.half_minima[0] + 4 * i), last = vld1q_s32(w.half_minima[1] + 4 * i);
        const float32x4_t dot = vcvtq_f32_s32(vmlaq_s32(vmulq_s32(first, sums[0]), last, sums[1]));
        totals.at[t][i] = vfmaq_f32(totals.at[t][i], dot, vld1q_f32(w.minima + 4 * i) * token_scale);
      }
    }
  }
  // Of two tokens' activations, each twice.
  static int32x4_t half_sums(const Tokens<1>& x, int half, uint32_t pair) noexcept {
    const int16x8_t first = vpaddlq_s8(vld1q_s8(x.q[0][2 * half][pair][0]));
    const int16x8_t both = vpadalq_s8(first, vld1q_s8(x.q[0][2 * half + 1][pair][0]));
    const int32x4_t sums = vreinterpretq_s32_s64(vpaddlq_s32(vpaddlq_s16(both)));
    return vtrn1q_s32(sums, sums);
  }

  // 16 k.
  template <uint32_t kPairs>
  static inline void dot_half(const int8_t* weights, const int8_t (*x)[kTileTokens / 2][2][8],
                              Dots<kPairs>& dots) noexcept {
    for (int step = 0; step < 2; ++step) {
      const int8x16x4_t w = vld1q_s8_x4(weights + 64 * step);
      for (uint32_t t = 0; t < kPairs; ++t) {
        const int8x16_t q = vld1q_s8(x[step][t][0]);
        for (int i = 0; i < 4; ++i) dots.at[t][i] = vmmlaq_s32(dots.at[t][i], q, w.val[i]);
      }
    }
  }

  // Two neighbouring registers of sums are 4 rows of two tokens.
  template <uint32_t kTokens>
  static Totals<kTokens / 2> load(const TileOut& out) noexcept {
    Totals<kTokens / 2> totals = {};
    if (!out.begun) return totals;
    for (uint32_t t = 0; t < kTokens; t += 2) {
      for (int i = 0; i < 4; i += 2) {
        const float64x2_t first = vreinterpretq_f64_f32(vld1q_f32(out.token(t) + 2 * i));
        float64x2_t second = first;
        if (out.has<kTokens>(t + 1)) second = vreinterpretq_f64_f32(vld1q_f32(out.token(t + 1) + 2 * i));
        totals.at[t / 2][i] = vreinterpretq_f32_f64(vzip1q_f64(first, second));
        totals.at[t / 2][i + 1] = vreinterpretq_f32_f64(vzip2q_f64(first, second));
      }
    }
    return totals;
  }
  template <uint32_t kTokens>
  static void store(const Totals<kTokens / 2>& totals, const TileOut& out) noexcept {
    for (uint32_t t = 0; t < kTokens; t += 2) {
      for (int i = 0; i < 4; i += 2) {
        const float64x2_t even = vreinterpretq_f64_f32(totals.at[t / 2][i]);
        const float64x2_t odd = vreinterpretq_f64_f32(totals.at[t / 2][i + 1]);
        vst1q_f32(out.token(t) + 2 * i, vreinterpretq_f32_f64(vzip1q_f64(even, odd)));
        if (out.has<kTokens>(t + 1)) vst1q_f32(out.token(t + 1) + 2 * i, vreinterpretq_f32_f64(vzip2q_f64(even, odd)));
      }
    }
  }
};

}  // namespace
}  // namespace runnel
