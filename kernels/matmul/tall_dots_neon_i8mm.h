// Dot of tall_neon.h by smmla: two tokens by two rows of 8 bytes, 32 products. A register of weights holds 8 k of two
// rows, two neighbouring vectors of the panel zipped by lanes of 32 bits; a register of activations 8 k of two tokens;
// a register of sums is
//   token 0 row 0, token 0 row 1, token 1 row 0, token 1 row 1
// and so are the scales laid out: a row's twice, a token's twice.
#pragma once

#include "kernels/matmul/tall_neon.h"

namespace runnel {
namespace {

struct TallI8mm {
  static constexpr size_t kScaleFloats = 2 * kHalfRows, kTokenFloats = 2 * kTileTokens;
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
  static void put_token_floats(float32x4_t tokens, float* out) noexcept {
    vst1q_f32(out, vzip1q_f32(tokens, tokens));
    vst1q_f32(out + 4, vzip2q_f32(tokens, tokens));
  }

  template <uint32_t kTokens, class Form>
  static void tile(const TallGroup<TallI8mm, Form>* w, const TallTokens<TallI8mm, Form>& x, uint32_t groups,
                   const TileOut& out) noexcept {
    constexpr uint32_t kPairs = kTokens / 2;
    float32x4_t total[kPairs][4];
    load(out, total);
    TileActivations<typename Form::Lhs, kTokens> q(x.q);
    for (uint32_t g = 0; g < groups; ++g, ++w, q.next_group()) {
      Dots<kPairs> dots = {};
      for (int plane = 0; plane < Form::kPlanes; ++plane) {
        const int8_t* weights = w->bytes;
        if (plane != 0)
          for (auto& pair : dots.at)
            for (int32x4_t& sum : pair) sum = vshlq_n_s32(sum, 8);
        q.load_group(plane);
        for (int half = 0; half < 2; ++half) {
          if constexpr (Form::kHalfScales) {
            Dots<kPairs> part = {};
            dot_half(weights, q.bytes[half], part);
            for (int i = 0; i < 4; ++i) {
              const int32x4_t scale = vld1q_s32(w->half_scales[half] + 4 * i);
              for (uint32_t t = 0; t < kPairs; ++t) dots.at[t][i] = vmlaq_s32(dots.at[t][i], part.at[t][i], scale);
            }
          } else {
            dot_half(weights, q.bytes[half], dots);
          }
        }
      }
      for (int i = 0; i < 4; ++i) {
        const float32x4_t scale = vld1q_f32(w->scales + 4 * i);
        for (uint32_t t = 0; t < kPairs; ++t) {
          float32x4_t dot;
          if constexpr (Form::kFractionBits == 0) {
            dot = vcvtq_f32_s32(dots.at[t][i]);
          } else {
            dot = vcvtq_n_f32_s32(dots.at[t][i], Form::kFractionBits);
          }
          total[t][i] = vfmaq_f32(total[t][i], dot, scale * vld1q_f32(x.scales[g] + 4 * t));
        }
        if constexpr (Form::kMinima) {
          const float32x4_t minimum = vld1q_f32(w->minima + 4 * i);
          for (uint32_t t = 0; t < kPairs; ++t)
            total[t][i] = vfmaq_f32(total[t][i], minimum, vld1q_f32(x.sums[g] + 4 * t));
        }
      }
    }
    store(total, out);
  }

 private:
  template <uint32_t kPairs>
  struct Dots {
    int32x4_t at[kPairs][4];
  };

  // 16 k. The weights move on.
  template <uint32_t kPairs>
  static inline void dot_half(const int8_t*& weights, const int8x16_t* bytes, Dots<kPairs>& dots) noexcept {
    int8x16_t q[2][kPairs];  // 8 k of two tokens
    for (uint32_t t = 0; t < kPairs; ++t) {
      const int64x2_t even = vreinterpretq_s64_s8(bytes[2 * t]), odd = vreinterpretq_s64_s8(bytes[2 * t + 1]);
      q[0][t] = vreinterpretq_s8_s64(vzip1q_s64(even, odd));
      q[1][t] = vreinterpretq_s8_s64(vzip2q_s64(even, odd));
    }
    for (int step = 0; step < 2; ++step) {
      const int8x16x4_t w = vld1q_s8_x4(weights);
      weights += 64;
      for (int i = 0; i < 4; ++i)
        for (uint32_t t = 0; t < kPairs; ++t) dots.at[t][i] = vmmlaq_s32(dots.at[t][i], q[step][t], w.val[i]);
    }
  }

  // Two neighbouring registers of sums are 4 rows of two tokens.
  template <uint32_t kPairs>
  static void load(const TileOut& out, float32x4_t (&total)[kPairs][4]) noexcept {
    for (uint32_t t = 0; t < kPairs; ++t) {
      for (int i = 0; i < 4; i += 2) {
        const float64x2_t first = vreinterpretq_f64_f32(vld1q_f32(out.sums(2 * t) + 2 * i));
        const float64x2_t second = vreinterpretq_f64_f32(vld1q_f32(out.sums(2 * t + 1) + 2 * i));
        total[t][i] = vreinterpretq_f32_f64(vzip1q_f64(first, second));
        total[t][i + 1] = vreinterpretq_f32_f64(vzip2q_f64(first, second));
      }
    }
  }
  template <uint32_t kPairs>
  static void store(const float32x4_t (&total)[kPairs][4], const TileOut& out) noexcept {
    for (uint32_t t = 0; t < kPairs; ++t) {
      for (int i = 0; i < 4; i += 2) {
        const float64x2_t even = vreinterpretq_f64_f32(total[t][i]), odd = vreinterpretq_f64_f32(total[t][i + 1]);
        vst1q_f32(out.token(2 * t) + 2 * i, vreinterpretq_f32_f64(vzip1q_f64(even, odd)));
        vst1q_f32(out.token(2 * t + 1) + 2 * i, vreinterpretq_f32_f64(vzip2q_f64(even, odd)));
      }
    }
  }
};

}  // namespace
}  // namespace runnel
