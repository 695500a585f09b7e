// Dot of tall_neon.h by sdot: 4 bytes of 4 rows times 4 activations, which are one lane of a register, so that a load
// of 16 activations serves eight vectors of weights. A token's scale is a lane as well.
#pragma once

#include "kernels/matmul/tall_lanes_neon.h"
#include "kernels/matmul/tall_sdot_loop.h"

namespace runnel {
namespace {

struct TallDotprod {
  template <int kPlanes>
  using Tokens = LhsTileGroup<kPlanes>;
  static constexpr size_t kScaleFloats = kHalfRows;
  static constexpr bool kShortSums = false;

  // (vector, quarter, 16)
  static void put_weights(const int8x16_t* vectors, int quarter, int8_t* out) noexcept {
    for (int j = 0; j < 8; ++j) vst1q_s8(out + 32 * j + 16 * quarter, vectors[j]);
  }
  template <class Lanes, class T>
  static void put_scales(Lanes scales, int quarter, T* out) noexcept {
    put_lanes(scales, quarter, out);
  }

  template <uint32_t kTokens, class Form>
  static void tile(const TallGroup<TallDotprod, Form>* w, const Tokens<Form::kPlanes>* x, uint32_t groups,
                   const TileOut& out) noexcept {
    LaneTotals<kTokens> totals = load_totals<kTokens>(out);
    if constexpr (kTokens == kTileTokens && Form::kPlanes == 1 && !Form::kHalfScales && !Form::kHalfMinima) {
      sdot_loop<Form>(w, x, groups, totals.at);
    } else {
      for (uint32_t g = 0; g < groups; ++g, ++w, ++x) {
        add_group(group_dots<kTokens>(*w, *x), *w, *x, totals);
        if constexpr (Form::kHalfMinima) add_half_minima(*w, *x, totals);
      }
    }
    store_totals(totals, out);
  }

 private:
  template <uint32_t kTokens, class Form>
  static inline LaneDots<kTokens> group_dots(const TallGroup<TallDotprod, Form>& w,
                                             const Tokens<Form::kPlanes>& x) noexcept {
    LaneDots<kTokens> dots = {};
    for (int plane = 0; plane < Form::kPlanes; ++plane) {
      const int8_t* weights = w.bytes;
      if (plane != 0)
        for (auto& token : dots.at)
          for (int32x4_t& sum : token) sum = vshlq_n_s32(sum, 8);
      if constexpr (Form::kHalfScales) {
        LaneDots<kTokens> first = {}, last = {};
        dot_half<0>(weights, x.q[plane], first);
        add_half_group(first, w, 0, dots);
        dot_half<1>(weights, x.q[plane], last);
        add_half_group(last, w, 1, dots);
      } else {
        dot_half<0>(weights, x.q[plane], dots);
        dot_half<1>(weights, x.q[plane], dots);
      }
    }
    return dots;
  }
  // 16 k.
  template <int kHalf, uint32_t kTokens>
  static inline void dot_half(const int8_t*& weights, const int8_t (&x)[2][kTileTokens][16],
                              LaneDots<kTokens>& dots) noexcept {
    int8x16_t q[kTokens];
    load_half(x[kHalf], q);
    dot_lane<kHalf, 0>(weights, q, dots);
    dot_lane<kHalf, 1>(weights, q, dots);
    dot_lane<kHalf, 2>(weights, q, dots);
    dot_lane<kHalf, 3>(weights, q, dots);
  }
  template <int kHalf, int kLane, uint32_t kTokens>
  static inline void dot_lane(const int8_t*& weights, const int8x16_t* q, LaneDots<kTokens>& dots) noexcept {
    const int8_t* at = weights + 128 * kHalf + 32 * kLane;
    const int8x16_t w[2] = {vld1q_s8(at), vld1q_s8(at + 16)};
    for (int i = 0; i < 2; ++i)
      for (uint32_t t = 0; t < kTokens; ++t) dots.at[t][i] = vdotq_laneq_s32(dots.at[t][i], w[i], q[t], kLane);
    in_order(dots.at, weights);
  }
};

}  // namespace
}  // namespace runnel
