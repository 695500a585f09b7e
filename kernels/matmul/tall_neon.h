// Quantised activations of many tokens times packed panels, 128-bit registers: what a prompt runs.
//
// Weights are unpacked once for up to kTallTokens tokens: a chunk of k of one panel becomes signed bytes and float
// scales in first-level cache, in the order in which the dot products read them. Tiles of 8 rows by kTileTokens then
// have nothing left to do but multiply: integer and float sums stay in registers over the chunk, between chunks the
// float sums lie in dst. Activations were quantised into the order in which a tile reads them (lhs_tiles.h).
//
// Dot says how an instruction set multiplies (tall_dots_<isa>.h):
//   Tokens<kPlanes>       a group of a tile's tokens
//   kScaleFloats          how many floats a number for each of 8 rows takes
//   kShortSums            a group's sums must fit 16 bits
//   put_weights, put_scales    each brings one thing in the order that tile() reads
//   tile<kTokens, Form>        adds some groups to the sums of 8 rows by kTokens tokens
// Panel says what the packed bytes mean (tall_panels_neon.h).
//
// Each output adds its groups in ascending order, one fused multiply-add each and one for a minimum: the bits of
// tile_x86_256.h and tile_k.h.
#pragma once

#include <arm_neon.h>

#include "kernels/matmul/lhs_tiles.h"
#include "kernels/matmul/packed_blocks.h"

namespace runnel {
namespace {

inline constexpr uint32_t kTallTokens = 64;            // mr of the rows made of this
inline constexpr uint32_t kTileTokens = kLhsTileRows;  // 8 rows by 4: 8 registers of integer sums, 8 of float sums
inline constexpr uint32_t kHalfRows = 8;               // rows of a tile: half a panel
inline constexpr uint32_t kChunkGroups = 24;  // of half a panel: 6.8 KiB of weights, 3.8 of a tile's activations

// What a panel's groups are once unpacked.
template <int kFractionBits_, bool kMinima_, bool kHalfScales_, bool kNibbleSums_, class Lhs_,
          bool kHalfMinima_ = false>
struct TallForm {
  using Lhs = Lhs_;
  static constexpr int kFractionBits = kFractionBits_;  // weights are 2^this times too large
  static constexpr bool kMinima = kMinima_;          // a row's group has a float to add, times the sum of activations
  static constexpr bool kHalfScales = kHalfScales_;  // 16 values have an integer scale
  static constexpr bool kNibbleSums = kNibbleSums_;  // 8 products fit 16 bits
  static constexpr bool kHalfMinima = kHalfMinima_;  // 16 values have an integer minimum, and a group a float for both
  static constexpr int kPlanes = sizeof(Lhs);        // 16-bit activations: high bytes, then low ones
};

// A group of half a panel, ready to multiply.
template <class Dot, class Form>
struct TallGroup {
  alignas(32) int8_t bytes[256];
  float scales[Dot::kScaleFloats];
  float minima[Form::kMinima || Form::kHalfMinima ? Dot::kScaleFloats : 1];
  int32_t half_scales[2][Form::kHalfScales ? Dot::kScaleFloats : 1];
  int32_t half_minima[2][Form::kHalfMinima ? Dot::kScaleFloats : 1];
};

// The same of a tile's tokens.
template <class Dot, class Form>
using TallTokens = typename Dot::template Tokens<Form::kPlanes>;

template <class Dot, class Form>
struct TallScratch {
  TallGroup<Dot, Form> weights[2][kChunkGroups];
  int8_t beyond[64];  // loaded, not used, while the last group is joined
};

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
      if constexpr (Form::kMinima || Form::kHalfMinima)
        Dot::put_scales(Panel::minimum(block, group, quarter), quarter % 2, to.minima);
      if constexpr (Form::kHalfMinima)
        for (int i = 0; i < 2; ++i)
          Dot::put_scales(Panel::half_minimum(block, group, quarter, i), quarter % 2, to.half_minima[i]);
      if constexpr (Form::kHalfScales)
        for (int i = 0; i < 2; ++i)
          Dot::put_scales(Panel::half_scale(block, group, quarter, i), quarter % 2, to.half_scales[i]);
    }
  }
}

// Where the float sums of 8 rows by a tile's tokens are and go.
struct TileOut {
  float* to;
  size_t stride;    // floats from a token to the next
  uint32_t tokens;  // that are there, of 2 at least one, of kTileTokens all but one
  bool begun;       // groups before these are in the sums already

  template <uint32_t kTokens>
  bool has(uint32_t t) const noexcept {
    return t + 1 < kTokens || t < tokens;
  }
  float* token(uint32_t t) const noexcept { return to + t * stride; }
};

template <class Dot, class Form>
static inline void multiply_tile(const TallGroup<Dot, Form>* w, const TallTokens<Dot, Form>* x, uint32_t groups,
                                 const TileOut& out) noexcept {
  if (out.tokens <= 2) return Dot::template tile<2, Form>(w, x, groups, out);
  Dot::template tile<kTileTokens, Form>(w, x, groups, out);
}

// The same for the `columns` first of the 8 rows.
template <class Dot, class Form>
static void multiply_cut_tile(const TallGroup<Dot, Form>* w, const TallTokens<Dot, Form>* x, uint32_t groups,
                              const TileOut& out, uint32_t columns) noexcept {
  float whole[kTileTokens][kHalfRows] = {};
  for (uint32_t t = 0; out.begun && t < out.tokens; ++t)
    __builtin_memcpy(whole[t], out.token(t), columns * sizeof(float));
  multiply_tile<Dot, Form>(w, x, groups, {whole[0], kHalfRows, out.tokens, out.begun});
  for (uint32_t t = 0; t < out.tokens; ++t) __builtin_memcpy(out.token(t), whole[t], columns * sizeof(float));
}

template <class Dot, class Panel>
static void multiply_tall(const MatmulArgs& a) noexcept {
  using Form = typename Panel::template Form<Dot>;
  using Tokens = TallTokens<Dot, Form>;
  TallScratch<Dot, Form> scratch;  // 14 to 24 KiB of stack
  const uint32_t groups = a.blocks * Panel::kGroups;
  const uint32_t chunks = (groups + kChunkGroups - 1) / kChunkGroups;
  const size_t stride = a.dst_stride / sizeof(float);
  for (uint32_t chunk = 0, begin = 0; chunk < chunks; ++chunk) {
    const uint32_t taken = (groups - begin) / (chunks - chunk);  // chunks of nearly the same length
    const uint8_t* panel = static_cast<const uint8_t*>(a.rhs);
    for (uint32_t column = 0; column < a.n; column += kHalfRows) {
      const uint32_t half = column / kHalfRows % 2;
      if (half == 0) {
        put_weights<Dot, Panel, Form>(panel, begin, taken, scratch.weights);
        panel += size_t{a.blocks} * Panel::kBytes;
      }
      const uint32_t columns = a.n - column < kHalfRows ? a.n - column : kHalfRows;
      const uint8_t* tile = static_cast<const uint8_t*>(a.lhs);
      for (uint32_t token = 0; token < a.m; token += kTileTokens, tile += kTileTokens * a.lhs_stride) {
        const Tokens* x = reinterpret_cast<const Tokens*>(tile) + begin;
        const uint32_t left = a.m - token;
        const TileOut out = {dst_row(a, token, column), stride, left < kTileTokens ? left : kTileTokens, chunk != 0};
        if (columns < kHalfRows) {
          multiply_cut_tile<Dot, Form>(scratch.weights[half], x, taken, out, columns);
        } else {
          multiply_tile<Dot, Form>(scratch.weights[half], x, taken, out);
        }
      }
    }
    begin += taken;
  }
}

}  // namespace
}  // namespace runnel
