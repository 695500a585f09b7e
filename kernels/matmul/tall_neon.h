// Quantised activations of many tokens times packed panels, 128-bit registers: what a prompt runs.
//
// Weights are unpacked once for up to kTallTokens tokens: a chunk of k of one panel becomes signed bytes and float
// scales in first-level cache, in the order in which the dot products read them. Tiles of 8 rows by kTileTokens then
// have nothing left to do but multiply: integer and float sums stay in registers over the chunk, between chunks the
// float sums lie in dst. Activations are read as they lie: a slice of the work is often a panel or two, too few to pay
// for an order of their own.
//
// Dot says how an instruction set multiplies (tall_dots_<isa>.h):
//   kScaleFloats, kTokenFloats   how many floats a number for each of 8 rows, of a tile's tokens takes
//   kShortSums                   a group's sums must fit 16 bits
//   put_weights, put_scales, put_token_floats   each brings one thing in the order that tile() reads
//   tile<kTokens, Form>                       adds some groups to the sums of 8 rows by kTokens tokens
// Panel says what the packed bytes mean (tall_panels_neon.h).
//
// Each output adds its groups in ascending order, one fused multiply-add each and one for a minimum: the bits of
// tile_x86_256.h and tile_k.h.
#pragma once

#include <arm_neon.h>

#include "kernels/matmul/packed_blocks.h"

namespace runnel {
namespace {

inline constexpr uint32_t kTallTokens = 64;   // mr of the rows made of this
inline constexpr uint32_t kTileTokens = 4;    // 8 rows by 4: 8 registers of integer sums, 8 of float sums
inline constexpr uint32_t kHalfRows = 8;      // rows of a tile: half a panel
inline constexpr uint32_t kChunkGroups = 18;  // half a panel's weights are 4.5 KiB, a tile's activations 2.25
inline constexpr uint32_t kTallTiles = kTallTokens / kTileTokens;

// What a panel's groups are once unpacked.
template <int kFractionBits_, bool kMinima_, bool kHalfScales_, bool kNibbleSums_, class Lhs_>
struct TallForm {
  using Lhs = Lhs_;
  static constexpr int kFractionBits = kFractionBits_;  // weights are 2^this times too large
  static constexpr bool kMinima = kMinima_;          // a row's group has a float to add, times the sum of activations
  static constexpr bool kHalfScales = kHalfScales_;  // 16 values have an integer scale
  static constexpr bool kNibbleSums = kNibbleSums_;  // 8 products fit 16 bits
  static constexpr int kPlanes = sizeof(Lhs);        // 16-bit activations: high bytes, then low ones
};

// A group of half a panel, ready to multiply.
template <class Dot, class Form>
struct TallGroup {
  alignas(64) int8_t bytes[256];
  float scales[Dot::kScaleFloats];
  float minima[Form::kMinima ? Dot::kScaleFloats : 1];
  int32_t half_scales[2][Form::kHalfScales ? Dot::kScaleFloats : 1];
};

// The same chunk of a tile's tokens.
template <class Dot, class Form>
struct TallTokens {
  const typename Form::Lhs* q[kTileTokens];  // the chunk's first group
  float scales[kChunkGroups][Dot::kTokenFloats];
  float sums[Form::kMinima ? kChunkGroups : 1][Dot::kTokenFloats];  // scale times the sum of the activations
};

template <class Dot, class Form>
struct TallScratch {
  TallGroup<Dot, Form> weights[2][kChunkGroups];
  TallTokens<Dot, Form> tokens[kTallTiles];
  float cut[kTallTokens][kPanelRows];  // dst of a last panel that the matrix cuts short
};

// 16 activations as bytes: of 8 bits as they are; of 16 bits, 256 * high + low, high being rounded, not cut, the high
// ones (plane 0) or the low ones.
static inline int8x16_t plane_bytes(const int8_t* q, int) noexcept { return vld1q_s8(q); }
static inline int8x16_t plane_bytes(const int16_t* q, int plane) noexcept {
  const int16x8_t first = vld1q_s16(q), last = vld1q_s16(q + 8), half = vdupq_n_s16(128);
  if (plane == 1) return vuzp1q_s8(vreinterpretq_s8_s16(first), vreinterpretq_s8_s16(last));
  return vuzp2q_s8(vreinterpretq_s8_s16(vaddq_s16(first, half)), vreinterpretq_s8_s16(vaddq_s16(last, half)));
}

// Keeps the products of one vector of weights before the load of the next one's: all sums are made when `next` is.
// (GCC 12 otherwise finishes one sum after the other and spills 30 registers a group. Sums that the statement changed,
// too, would be copied about.)
template <class Sum, size_t kRows, size_t kColumns>
static inline void in_order(const Sum (&sums)[kRows][kColumns], const int8_t*& next) noexcept {
  const Sum* s = sums[0];
  static_assert(kRows * kColumns % 4 == 0);
  for (size_t i = 0; i < kRows * kColumns; i += 4)
    __asm__ volatile("" : "+r"(next) : "w"(s[i]), "w"(s[i + 1]), "w"(s[i + 2]), "w"(s[i + 3]));
}

// Where a tile's tokens are in their activations, and the group at hand, in halves of 16.
template <class Lhs, uint32_t kTokens>
struct TileActivations {
  explicit TileActivations(const Lhs* const* begin) noexcept {
    for (uint32_t t = 0; t < kTokens; ++t) at[t] = begin[t];
  }
  void load_group(int plane) noexcept {
    for (uint32_t t = 0; t < kTokens; ++t)
      for (int half = 0; half < 2; ++half) bytes[half][t] = plane_bytes(at[t] + 16 * half, plane);
  }
  void load_half(int half) noexcept {
    for (uint32_t t = 0; t < kTokens; ++t) bytes[half][t] = plane_bytes(at[t] + 16 * half, 0);
  }
  void next_group() noexcept {
    for (uint32_t t = 0; t < kTokens; ++t) {
      at[t] += 32;
      __asm__("" : "+r"(at[t]));  // a register each: GCC adds one index to all otherwise, and cannot pair the loads
    }
  }
  const Lhs* at[kTokens];
  int8x16_t bytes[2][kTokens];
};

// One number a group of each of a tile's tokens, turned to the tokens of each group.
template <class Dot>
static void put_numbers(const float* const* rows, uint32_t groups, float (*out)[Dot::kTokenFloats]) noexcept {
  uint32_t g = 0;
  for (; g + 4 <= groups; g += 4) {
    const float32x4_t a = vld1q_f32(rows[0] + g), b = vld1q_f32(rows[1] + g);
    const float32x4_t c = vld1q_f32(rows[2] + g), d = vld1q_f32(rows[3] + g);
    const float32x4_t even = vtrn1q_f32(a, b), odd = vtrn2q_f32(a, b);  // groups 0 and 2, 1 and 3
    const float32x4_t even_last = vtrn1q_f32(c, d), odd_last = vtrn2q_f32(c, d);
    Dot::put_token_floats(vcombine_f32(vget_low_f32(even), vget_low_f32(even_last)), out[g]);
    Dot::put_token_floats(vcombine_f32(vget_low_f32(odd), vget_low_f32(odd_last)), out[g + 1]);
    Dot::put_token_floats(vcombine_f32(vget_high_f32(even), vget_high_f32(even_last)), out[g + 2]);
    Dot::put_token_floats(vcombine_f32(vget_high_f32(odd), vget_high_f32(odd_last)), out[g + 3]);
  }
  for (; g < groups; ++g) {
    const float32x4_t tokens = {rows[0][g], rows[1][g], rows[2][g], rows[3][g]};
    Dot::put_token_floats(tokens, out[g]);
  }
}

template <class Dot, class Form>
static void put_tokens(const LhsRow<typename Form::Lhs>* rows, uint32_t begin, uint32_t groups,
                       TallTokens<Dot, Form>& out) noexcept {
  const float *scales[kTileTokens], *sums[kTileTokens];
  for (uint32_t t = 0; t < kTileTokens; ++t) {
    out.q[t] = rows[t].q + size_t{begin} * 32;
    scales[t] = rows[t].scale + begin;
    sums[t] = rows[t].weighted + begin;
  }
  put_numbers<Dot>(scales, groups, out.scales);
  if constexpr (Form::kMinima) put_numbers<Dot>(sums, groups, out.sums);
}

template <class Dot, class Panel, class Form>
static void put_weights(const uint8_t* panel, uint32_t begin, uint32_t groups,
                        TallGroup<Dot, Form> (*out)[kChunkGroups]) noexcept {
  for (uint32_t g = 0; g < groups; ++g) {
    const uint8_t* block = panel + size_t{(begin + g) / Panel::kGroups} * Panel::kBytes;
    const int group = static_cast<int>((begin + g) % Panel::kGroups);
    for (int quarter = 0; quarter < 4; ++quarter) {
      TallGroup<Dot, Form>& to = out[quarter / 2][g];
      int8x16_t vectors[8];  // 4 rows, k 4j .. 4j+3
      Panel::template weights<Form>(block, group, quarter, vectors);
      Dot::put_weights(vectors, quarter % 2, to.bytes);
      Dot::put_scales(Panel::scale(block, group, quarter), quarter % 2, to.scales);
      if constexpr (Form::kMinima) Dot::put_scales(Panel::minimum(block, group, quarter), quarter % 2, to.minima);
      if constexpr (Form::kHalfScales)
        for (int i = 0; i < 2; ++i)
          Dot::put_scales(Panel::half_scale(block, group, quarter, i), quarter % 2, to.half_scales[i]);
    }
  }
}

// Where the float sums of 8 rows by a tile's tokens are and go. Tokens beyond the last one of the call are not there:
// they repeat it, in what they read and in what they write.
struct TileOut {
  float* to;
  size_t stride;      // floats from a token to the next
  const float* from;  // the sums so far: as `to`, or zeros
  size_t from_stride;
  uint32_t last;

  float* token(uint32_t t) const noexcept { return to + (t < last ? t : last) * stride; }
  const float* sums(uint32_t t) const noexcept { return from + (t < last ? t : last) * from_stride; }
};

template <class Dot, class Panel>
static void multiply_tall(const MatmulArgs& a) noexcept {
  using Form = typename Panel::template Form<Dot>;
  using Lhs = typename Form::Lhs;
  static constexpr float zeros[kHalfRows] = {};
  TallScratch<Dot, Form> scratch;  // 27 to 39 KiB of stack
  // Tiles are whole: the last token stands in for those that the last tile lacks, and its results are written again.
  const uint32_t tiles = (a.m + kTileTokens - 1) / kTileTokens;
  LhsRow<Lhs> rows[kTallTokens];
  for (uint32_t t = 0; t < tiles * kTileTokens; ++t) rows[t] = lhs_row<Lhs, Panel::kGroups>(a, t < a.m ? t : a.m - 1);
  const uint32_t groups = a.blocks * Panel::kGroups;
  const uint32_t chunks = (groups + kChunkGroups - 1) / kChunkGroups;
  for (uint32_t chunk = 0, begin = 0; chunk < chunks; ++chunk) {
    const uint32_t taken = (groups - begin) / (chunks - chunk);  // chunks of nearly the same length
    for (uint32_t tile = 0; tile < tiles; ++tile)
      put_tokens<Dot, Form>(rows + size_t{tile} * kTileTokens, begin, taken, scratch.tokens[tile]);
    const uint8_t* panel = static_cast<const uint8_t*>(a.rhs);
    for (uint32_t column = 0; column < a.n; column += kPanelRows, panel += size_t{a.blocks} * Panel::kBytes) {
      put_weights<Dot, Panel, Form>(panel, begin, taken, scratch.weights);
      const bool whole = a.n - column >= kPanelRows;
      for (uint32_t half = 0; half < 2 && column + half * kHalfRows < a.n; ++half) {
        float* to = (whole ? dst_row(a, 0, column) : scratch.cut[0]) + half * kHalfRows;
        const size_t stride = whole ? a.dst_stride / sizeof(float) : kPanelRows;
        for (uint32_t tile = 0; tile < tiles; ++tile, to += kTileTokens * stride) {
          const uint32_t last = a.m - tile * kTileTokens - 1;
          const TileOut out = {to, stride, chunk == 0 ? zeros : to, chunk == 0 ? 0 : stride, last};
          if (last < 2) {
            Dot::template tile<2, Form>(scratch.weights[half], scratch.tokens[tile], taken, out);
          } else {
            Dot::template tile<kTileTokens, Form>(scratch.weights[half], scratch.tokens[tile], taken, out);
          }
        }
      }
    }
    begin += taken;
  }
  const uint32_t cut = a.n % kPanelRows;
  for (uint32_t token = 0; cut != 0 && token < a.m; ++token)
    __builtin_memcpy(dst_row(a, token, a.n - cut), scratch.cut[token], cut * sizeof(float));
}

}  // namespace
}  // namespace runnel
