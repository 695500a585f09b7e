// Quantised activations times 4- and 8-bit panels by sdot: 4 bytes of 4 rows times 4 activations, which are one lane of
// a register.
//
// A tile is kQuarters quarters of a panel times kTokens tokens over the whole of k. With 8 rows and 4 tokens 8 integer
// sums, 8 float sums, 8 registers of activations and the weights fit the 32 registers, so that nothing but operands
// touches memory. One token (decode) takes the whole panel at once: the weights stream.
//
// Each output adds its groups in ascending order, one fused multiply-add each: the bits of tile_x86_256.h.
#pragma once

#include <arm_neon.h>

#include "kernels/matmul/packed_blocks.h"

namespace runnel {
namespace {

// A token's group: k 0 .. 15, k 16 .. 31.
struct GroupBytes {
  int8x16_t half[2];
};

// How nibbles with an offset of 8 are taken. A tall tile makes them signed once for all tokens: q - 8 as the upper half
// of a byte, 16 times too large, which the conversion to float takes off. For one token it is cheaper to begin the sums
// with -8 times the sum of the activations.
template <class Block, int kTokens>
inline constexpr bool kSignedNibbles = Block::kNibbles&& Block::kOffset&& kTokens > 1;

// Sums of 4 * kQuarters rows by kTokens tokens.
template <int kTokens, int kQuarters>
struct TileDots {
  int32x4_t at[kTokens][kQuarters];
};

// Keeps the products of one vector of weights before those of the next. (GCC 12 otherwise finishes one sum after the
// other and spills 30 registers a group.)
template <int kTokens, int kQuarters>
static inline void in_order(TileDots<kTokens, kQuarters>& dots) noexcept {
  for (int t = 0; t < kTokens; ++t)
    for (int i = 0; i < kQuarters; ++i) __asm__ volatile("" : "+w"(dots.at[t][i]));
}

// Vector kLane, and for bytes vector 4 + kLane too: times lane kLane of the activations.
template <class Block, int kLane, int kTokens, int kQuarters>
static inline void dot_lane(const uint8_t* vectors, const GroupBytes* q, TileDots<kTokens, kQuarters>& dots) noexcept {
  for (int i = 0; i < kQuarters; ++i) {
    const uint8x16_t first = vld1q_u8(vectors + 64 * kLane + 16 * i);
    int8x16_t w[2];  // for the activations' halves
    if constexpr (!Block::kNibbles) {
      w[0] = vreinterpretq_s8_u8(first);
      w[1] = vreinterpretq_s8_u8(vld1q_u8(vectors + 64 * (4 + kLane) + 16 * i));
    } else if constexpr (kSignedNibbles<Block, kTokens>) {
      const uint8x16_t both = veorq_u8(first, vdupq_n_u8(0x88));
      w[0] = vreinterpretq_s8_u8(vshlq_n_u8(both, 4));
      w[1] = vreinterpretq_s8_u8(vandq_u8(both, vdupq_n_u8(0xf0)));
    } else {
      w[0] = vreinterpretq_s8_u8(vandq_u8(first, vdupq_n_u8(15)));
      w[1] = vreinterpretq_s8_u8(vshrq_n_u8(first, 4));
    }
    for (int half = 0; half < 2; ++half)
      for (int t = 0; t < kTokens; ++t) dots.at[t][i] = vdotq_laneq_s32(dots.at[t][i], w[half], q[t].half[half], kLane);
  }
  in_order(dots);
}

template <class Block, int kTokens, int kQuarters>
static inline void dot_group(const uint8_t* vectors, const GroupBytes* q, TileDots<kTokens, kQuarters>& dots) noexcept {
  dot_lane<Block, 0>(vectors, q, dots);
  dot_lane<Block, 1>(vectors, q, dots);
  dot_lane<Block, 2>(vectors, q, dots);
  dot_lane<Block, 3>(vectors, q, dots);
}

// 8-bit activations.
template <class Block, int kTokens, int kQuarters>
static inline void multiply_group(const uint8_t* vectors, const LhsRow<int8_t>* lhs, uint32_t b,
                                  TileDots<kTokens, kQuarters>& dots) noexcept {
  GroupBytes q[kTokens];
  for (int t = 0; t < kTokens; ++t) {
    const int8x16x2_t both = vld1q_s8_x2(lhs[t].q + size_t{b} * 32);
    q[t] = {{both.val[0], both.val[1]}};
  }
  dot_group<Block>(vectors, q, dots);
}

// 16-bit activations are 256 * high + low, both signed bytes: high is rounded, not cut.
template <class Block, int kTokens, int kQuarters>
static inline void multiply_group(const uint8_t* vectors, const LhsRow<int16_t>* lhs, uint32_t b,
                                  TileDots<kTokens, kQuarters>& dots) noexcept {
  GroupBytes q[kTokens];
  const int16x8_t half = vdupq_n_s16(128);
  for (int t = 0; t < kTokens; ++t) {
    const int16x8x4_t x = vld1q_s16_x4(lhs[t].q + size_t{b} * 32);
    for (int i = 0; i < 2; ++i)
      q[t].half[i] = vuzp2q_s8(vreinterpretq_s8_s16(vaddq_s16(x.val[2 * i], half)),
                               vreinterpretq_s8_s16(vaddq_s16(x.val[2 * i + 1], half)));
  }
  dot_group<Block>(vectors, q, dots);
  for (int t = 0; t < kTokens; ++t) {
    const int16x8x4_t x = vld1q_s16_x4(lhs[t].q + size_t{b} * 32);
    for (int i = 0; i < 2; ++i) {
      q[t].half[i] = vuzp1q_s8(vreinterpretq_s8_s16(x.val[2 * i]), vreinterpretq_s8_s16(x.val[2 * i + 1]));
    }
    for (int i = 0; i < kQuarters; ++i) dots.at[t][i] = vshlq_n_s32(dots.at[t][i], 8);
  }
  dot_group<Block>(vectors, q, dots);
}

static inline float32x4_t load_halves(const uint8_t* p) noexcept {
  return vcvt_f32_f16(vreinterpret_f16_u8(vld1_u8(p)));
}

// Rows 4 * first .. of one panel; columns that the matrix has not are not stored.
template <class Block, int kTokens, int kQuarters>
static void multiply_quarters(const MatmulArgs& a, const LhsRow<typename Block::Lhs>* lhs, const uint8_t* block,
                              uint32_t column, uint32_t first) noexcept {
  float32x4_t total[kTokens][kQuarters];
  for (int t = 0; t < kTokens; ++t)
    for (int i = 0; i < kQuarters; ++i) total[t][i] = vdupq_n_f32(0);
  for (uint32_t b = 0; b < a.blocks; ++b, block += Block::kBytes) {
    TileDots<kTokens, kQuarters> dots;
    for (int t = 0; t < kTokens; ++t) {
      constexpr bool kStarts = Block::kOffset && !kSignedNibbles<Block, kTokens>;
      const int32x4_t start = vdupq_n_s32(kStarts ? lhs[t].start[b] : 0);
      for (int i = 0; i < kQuarters; ++i) dots.at[t][i] = start;
    }
    multiply_group<Block>(block + Block::kVectors + 16 * first, lhs, b, dots);
    for (int i = 0; i < kQuarters; ++i) {
      const uint8_t* halves = block + 8 * (first + static_cast<uint32_t>(i));
      const float32x4_t scale = load_halves(halves);
      for (int t = 0; t < kTokens; ++t) {
        constexpr bool kSigned = kSignedNibbles<Block, kTokens>;
        const float32x4_t dot = kSigned ? vcvtq_n_f32_s32(dots.at[t][i], 4) : vcvtq_f32_s32(dots.at[t][i]);
        total[t][i] = vfmaq_f32(total[t][i], dot, vmulq_n_f32(scale, lhs[t].scale[b]));
      }
      if constexpr (Block::kMinima) {
        const float32x4_t minimum = load_halves(halves + Block::kMinimaAt);
        for (int t = 0; t < kTokens; ++t) total[t][i] = vfmaq_n_f32(total[t][i], minimum, lhs[t].weighted[b]);
      }
    }
  }
  for (int t = 0; t < kTokens; ++t) {
    float lanes[4 * kQuarters];
    for (int i = 0; i < kQuarters; ++i) vst1q_f32(lanes + 4 * i, total[t][i]);
    const uint32_t from = column + 4 * first;
    const uint32_t left = a.n > from ? a.n - from : 0;
    __builtin_memcpy(dst_row(a, static_cast<uint32_t>(t), from), lanes,
                     (left < 4 * kQuarters ? left : 4 * kQuarters) * sizeof(float));
  }
}

template <class Block, int kTokens>
static void multiply_panels(const MatmulArgs& a) noexcept {
  constexpr int kQuarters = kTokens == 1 ? 4 : 2;
  using Lhs = typename Block::Lhs;
  LhsRow<Lhs> lhs[kTokens];
  for (int t = 0; t < kTokens; ++t) lhs[t] = lhs_row<Lhs>(a, static_cast<uint32_t>(t));
  const uint8_t* panel = static_cast<const uint8_t*>(a.rhs);
  for (uint32_t column = 0; column < a.n; column += kPanelRows, panel += size_t{a.blocks} * Block::kBytes)
    for (uint32_t first = 0; first < 4; first += kQuarters)
      multiply_quarters<Block, kTokens, kQuarters>(a, lhs, panel, column, first);
}

// 1 to kMr tokens.
template <class Block, int kMr>
static void multiply_tile(const MatmulArgs& a) noexcept {
  if constexpr (kMr > 1) {
    if (a.m < static_cast<uint32_t>(kMr)) return multiply_tile<Block, kMr - 1>(a);
  }
  multiply_panels<Block, kMr>(a);
}

}  // namespace
}  // namespace runnel
