// Dot of tall_neon.h with Armv8.0: 8-bit products widened to 16 bits. A register of weights holds two rows at two steps
// of k, its low half one step, its high half the next, and so does a register of activations, twice: smlal and smlal2
// of the same two registers add both to one sum.
#pragma once

#include "kernels/matmul/tall_lanes_neon.h"

namespace runnel {
namespace {

struct TallNeon {
  template <int kPlanes>
  using Tokens = LhsTileGroup<kPlanes>;
  static constexpr size_t kScaleFloats = kHalfRows;
  static constexpr bool kShortSums = true;

  // (two vectors, pair of rows, 16)
  static void put_weights(const int8x16_t* vectors, int quarter, int8_t* out) noexcept {
    for (int step = 0; step < 4; ++step) {
      const int64x2_t even = vreinterpretq_s64_s8(vectors[2 * step]);
      const int64x2_t odd = vreinterpretq_s64_s8(vectors[2 * step + 1]);
      vst1q_s8(out + 64 * step + 32 * quarter, vreinterpretq_s8_s64(vzip1q_s64(even, odd)));
      vst1q_s8(out + 64 * step + 32 * quarter + 16, vreinterpretq_s8_s64(vzip2q_s64(even, odd)));
    }
  }
  template <class Lanes, class T>
  static void put_scales(Lanes scales, int quarter, T* out) noexcept {
    put_lanes(scales, quarter, out);
  }

  template <uint32_t kTokens, class Form>
  static void tile(const TallGroup<TallNeon, Form>* w, const Tokens<1>* x, uint32_t groups,
                   const TileOut& out) noexcept {
    LaneTotals<kTokens> totals = load_totals<kTokens>(out);
    for (uint32_t g = 0; g < groups; ++g, ++w, ++x) {
      LaneDots<kTokens> dots = {};
      const int8_t* weights = w->bytes;
      if constexpr (!Form::kNibbleSums) {
        dots = byte_dots<kTokens>(weights, *x);
      } else if constexpr (Form::kHalfScales) {
        ShortSums<kTokens> first, last;
        short_half<0, true>(weights, *x, first);
        add_half_group(join(first), *w, 0, dots);
        short_half<1, true>(weights, *x, last);
        add_half_group(join(last), *w, 1, dots);
      } else {
        ShortSums<kTokens> sums;
        short_half<0, true>(weights, *x, sums);
        short_half<1, false>(weights, *x, sums);
        dots = join(sums);
      }
      add_group(dots, *w, *x, totals);
      if constexpr (Form::kHalfMinima) add_half_minima(*w, *x, totals);
    }
    store_totals(totals, out);
  }

 private:
  // Two rows a register, two 32-bit sums a row.
  template <uint32_t kTokens>
  struct PairSums {
    int32x4_t at[kTokens][4];
  };
  template <uint32_t kTokens>
  static LaneDots<kTokens> join(const PairSums<kTokens>& sums) noexcept {
    LaneDots<kTokens> dots;
    for (uint32_t t = 0; t < kTokens; ++t)
      for (int i = 0; i < 2; ++i) dots.at[t][i] = vpaddq_s32(sums.at[t][2 * i], sums.at[t][2 * i + 1]);
    return dots;
  }

  // Two rows a register in 16 bits, four sums a row.
  template <uint32_t kTokens>
  struct ShortSums {
    int16x8_t at[kTokens][4];
  };
  template <uint32_t kTokens>
  static LaneDots<kTokens> join(const ShortSums<kTokens>& sums) noexcept {
    PairSums<kTokens> pairs;
    for (uint32_t t = 0; t < kTokens; ++t)
      for (int pair = 0; pair < 4; ++pair) pairs.at[t][pair] = vpaddlq_s16(sums.at[t][pair]);
    return join(pairs);
  }

  // Activations 0-3 and 4-7, or 8-11 and 12-15, each twice.
  template <int kOdd>
  static int8x16_t twice(int8x16_t q) noexcept {
    const int32x4_t words = vreinterpretq_s32_s8(q);
    return vreinterpretq_s8_s32(kOdd == 0 ? vzip1q_s32(words, words) : vzip2q_s32(words, words));
  }

  // 16 k: two steps of two vectors.
  template <int kHalf, bool kFirst, uint32_t kTokens>
  static inline void short_half(const int8_t*& weights, const Tokens<1>& x, ShortSums<kTokens>& sums) noexcept {
    int8x16_t q[kTokens];
    load_half(x.q[0][kHalf], q);
    short_step<2 * kHalf, kFirst>(weights, q, sums);
    short_step<2 * kHalf + 1, false>(weights, q, sums);
  }
  template <int kStep, bool kFirst, uint32_t kTokens>
  static inline void short_step(const int8_t*& weights, const int8x16_t* bytes, ShortSums<kTokens>& sums) noexcept {
    int8x16_t q[kTokens];
    for (uint32_t t = 0; t < kTokens; ++t) q[t] = twice<kStep % 2>(bytes[t]);
    for (int pair = 0; pair < 4; ++pair) {
      const int8x16_t w = vld1q_s8(weights + 64 * kStep + 16 * pair);
      for (uint32_t t = 0; t < kTokens; ++t) {
        int16x8_t& s = sums.at[t][pair];
        s = kFirst ? vmull_s8(vget_low_s8(w), vget_low_s8(q[t])) : vmlal_s8(s, vget_low_s8(w), vget_low_s8(q[t]));
        s = vmlal_high_s8(s, w, q[t]);
      }
    }
    in_order(sums.at, weights);
  }

  // The same of bytes, in 32-bit sums: two products fit 16 bits, 2 * 128 * 127. Activations are loaded 8 at a time: a
  // register for each token's 16 would be one too many.
  template <uint32_t kTokens>
  static LaneDots<kTokens> byte_dots(const int8_t*& weights, const Tokens<1>& x) noexcept {
    PairSums<kTokens> sums;
    byte_step<0, true>(weights, x, sums);
    byte_step<1, false>(weights, x, sums);
    byte_step<2, false>(weights, x, sums);
    byte_step<3, false>(weights, x, sums);
    return join(sums);
  }
  template <int kStep, bool kFirst, uint32_t kTokens>
  static inline void byte_step(const int8_t*& weights, const Tokens<1>& x, PairSums<kTokens>& sums) noexcept {
    for (uint32_t t = 0; t < kTokens; ++t) {
      int64_t eight;
      __builtin_memcpy(&eight, x.q[0][kStep / 2][t] + 8 * (kStep % 2), sizeof(eight));
      const int8x16_t q = twice<0>(vreinterpretq_s8_s64(int64x2_t{eight, 0}));
      for (int pair = 0; pair < 4; ++pair) {
        const int8x16_t w = vld1q_s8(weights + 64 * kStep + 16 * pair);
        const int16x8_t two = vmlal_high_s8(vmull_s8(vget_low_s8(w), vget_low_s8(q)), w, q);
        sums.at[t][pair] = kFirst ? vpaddlq_s16(two) : vpadalq_s16(sums.at[t][pair], two);
      }
    }
    in_order(sums.at, weights);
  }
};

}  // namespace
}  // namespace runnel
