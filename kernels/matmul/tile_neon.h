// Quantised activations times 4- and 8-bit panels in 128-bit registers: 4 rows of weights a register, four registers a
// panel. A template over how a group's dot products come about (Dot: dot_neon.h).
//
// Each output adds its groups in ascending order, one fused multiply-add each: the bits of tile_x86_256.h.
#pragma once

#include <arm_neon.h>

#include "kernels/matmul/packed_blocks.h"

namespace runnel {
namespace {

static float32x4_t load_halves(const uint8_t* p) noexcept { return vcvt_f32_f16(vreinterpret_f16_u8(vld1_u8(p))); }

// The dot products of a panel's 16 rows with one token's group; quarter i holds rows 4i..4i+3.
struct DotsNeon {
  int32x4_t quarter[4];
};

static void store_row(const MatmulArgs& a, uint32_t row, uint32_t column, const float32x4_t* total) noexcept {
  float* dst = dst_row(a, row, column);
  float lanes[kPanelRows];
  float* out = a.n - column >= kPanelRows ? dst : lanes;
  for (int i = 0; i < 4; ++i) vst1q_f32(out + 4 * i, total[i]);
  if (out == lanes)
    for (uint32_t i = 0; i < a.n - column; ++i) dst[i] = lanes[i];
}

template <class Dot, class Block, int kTokens>
static void multiply_panels(const MatmulArgs& a) noexcept {
  using Lhs = typename Block::Lhs;
  LhsRow<Lhs> lhs[kTokens];
  for (int t = 0; t < kTokens; ++t) lhs[t] = lhs_row<Lhs>(a, static_cast<uint32_t>(t));
  const uint8_t* block = static_cast<const uint8_t*>(a.rhs);
  for (uint32_t column = 0; column < a.n; column += kPanelRows) {
    float32x4_t total[kTokens][4];
    for (int t = 0; t < kTokens; ++t)
      for (int i = 0; i < 4; ++i) total[t][i] = vdupq_n_f32(0);
    for (uint32_t b = 0; b < a.blocks; ++b, block += Block::kBytes) {
      DotsNeon dots[kTokens];
      Dot::template group<Block, kTokens>(block + Block::kVectors, lhs, b, dots);
      for (int i = 0; i < 4; ++i) {
        const float32x4_t scale = load_halves(block + 8 * i);
        for (int t = 0; t < kTokens; ++t) {
          const float32x4_t factor = vmulq_n_f32(scale, lhs[t].scale[b]);
          total[t][i] = vfmaq_f32(total[t][i], vcvtq_f32_s32(dots[t].quarter[i]), factor);
        }
        if constexpr (Block::kMinima) {
          const float32x4_t minimum = load_halves(block + Block::kMinimaAt + 8 * i);
          for (int t = 0; t < kTokens; ++t) total[t][i] = vfmaq_n_f32(total[t][i], minimum, lhs[t].weighted[b]);
        }
      }
    }
    for (int t = 0; t < kTokens; ++t) store_row(a, static_cast<uint32_t>(t), column, total[t]);
  }
}

// 1 to kMr tokens.
template <class Dot, class Block, int kMr>
static void multiply_tile(const MatmulArgs& a) noexcept {
  if constexpr (kMr > 1) {
    if (a.m < static_cast<uint32_t>(kMr)) return multiply_tile<Dot, Block, kMr - 1>(a);
  }
  multiply_panels<Dot, Block, kMr>(a);
}

}  // namespace
}  // namespace runnel
