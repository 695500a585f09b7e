// One row of quantised activations (decode) times 4- and 8-bit panels by sdot: 4 bytes of 4 rows times 4 activations,
// which are one lane of a register. The weights stream through, a whole panel's group at once.
//
// Each output adds its groups in ascending order, one fused multiply-add each: the bits of tall_neon.h.
#pragma once

#include <arm_neon.h>

#include "kernels/matmul/packed_blocks.h"
#include "kernels/matmul/single_sdot_loop.h"

namespace runnel {
namespace {

// Sums of a panel's 16 rows.
struct PanelDots {
  int32x4_t quarter[4];
};

// Keeps what is multiplied in the order of the source: all sums are made when `next` is. (GCC 12 otherwise loads ahead
// and spills.)
static inline void in_order(const PanelDots& dots, const uint8_t*& next) noexcept {
  const int32x4_t* q = dots.quarter;
  __asm__ volatile("" : "+r"(next) : "w"(q[0]), "w"(q[1]), "w"(q[2]), "w"(q[3]));
}

// Vector kLane of bytes times that lane of the activations.
template <int kLane>
static inline void dot_bytes(const uint8x16x4_t& w, int8x16_t q, PanelDots& dots) noexcept {
  for (int i = 0; i < 4; ++i)
    dots.quarter[i] = vdotq_laneq_s32(dots.quarter[i], vreinterpretq_s8_u8(w.val[i]), q, kLane);
}
static inline uint8x16x4_t next_bytes(const uint8_t*& vectors, const PanelDots& dots) noexcept {
  in_order(dots, vectors);
  const uint8x16x4_t w = vld1q_u8_x4(vectors);
  vectors += 64;
  return w;
}

// Vector kLane of nibbles, taken as 0..15, times that lane of both halves of the activations. Four loads: unpacking
// begins with the first, where one load of four registers would make a core that runs in order wait for the last
// (99 cycles a group on Cortex-A510 against 128, by llvm-mca).
template <int kLane>
static inline void dot_nibbles(const uint8_t* vectors, const int8x16_t* q, PanelDots& dots) noexcept {
  for (int i = 0; i < 4; ++i) {
    const uint8x16_t w = vld1q_u8(vectors + 64 * kLane + 16 * i);
    const int8x16_t low = vreinterpretq_s8_u8(vandq_u8(w, vdupq_n_u8(15)));
    const int8x16_t high = vreinterpretq_s8_u8(vshrq_n_u8(w, 4));
    dots.quarter[i] = vdotq_laneq_s32(dots.quarter[i], low, q[0], kLane);
    dots.quarter[i] = vdotq_laneq_s32(dots.quarter[i], high, q[1], kLane);
  }
  for (const int32x4_t& dot : dots.quarter) __asm__ volatile("" : : "w"(dot));  // in_order(), but for the pointer
}

// q: k 0 .. 15, k 16 .. 31.
template <class Block>
static inline void dot_group(const uint8_t* vectors, const int8x16_t* q, PanelDots& dots) noexcept {
  if constexpr (Block::kNibbles) {
    dot_nibbles<0>(vectors, q, dots);
    dot_nibbles<1>(vectors, q, dots);
    dot_nibbles<2>(vectors, q, dots);
    dot_nibbles<3>(vectors, q, dots);
  } else {  // each vector is loaded while the one before it is multiplied
    const uint8x16x4_t w0 = next_bytes(vectors, dots), w1 = next_bytes(vectors, dots);
    dot_bytes<0>(w0, q[0], dots);
    const uint8x16x4_t w2 = next_bytes(vectors, dots);
    dot_bytes<1>(w1, q[0], dots);
    const uint8x16x4_t w3 = next_bytes(vectors, dots);
    dot_bytes<2>(w2, q[0], dots);
    const uint8x16x4_t w4 = next_bytes(vectors, dots);
    dot_bytes<3>(w3, q[0], dots);
    const uint8x16x4_t w5 = next_bytes(vectors, dots);
    dot_bytes<0>(w4, q[1], dots);
    const uint8x16x4_t w6 = next_bytes(vectors, dots);
    dot_bytes<1>(w5, q[1], dots);
    const uint8x16x4_t w7 = next_bytes(vectors, dots);
    dot_bytes<2>(w6, q[1], dots);
    dot_bytes<3>(w7, q[1], dots);
  }
}

// 8-bit activations.
template <class Block>
static inline void multiply_group(const uint8_t* vectors, const int8_t* x, PanelDots& dots) noexcept {
  const int8x16_t q[2] = {vld1q_s8(x), vld1q_s8(x + 16)};
  dot_group<Block>(vectors, q, dots);
}

// 16-bit activations are 256 * high + low, both signed bytes: high is rounded, not cut.
template <class Block>
static inline void multiply_group(const uint8_t* vectors, const int16_t* x, PanelDots& dots) noexcept {
  const int16x8_t half = vdupq_n_s16(128);
  int8x16_t low[2], high[2];
  for (int i = 0; i < 2; ++i) {
    const int16x8_t first = vld1q_s16(x + 16 * i), last = vld1q_s16(x + 16 * i + 8);
    low[i] = vuzp1q_s8(vreinterpretq_s8_s16(first), vreinterpretq_s8_s16(last));
    high[i] = vuzp2q_s8(vreinterpretq_s8_s16(vaddq_s16(first, half)), vreinterpretq_s8_s16(vaddq_s16(last, half)));
  }
  dot_group<Block>(vectors, high, dots);
  for (int32x4_t& dot : dots.quarter) dot = vshlq_n_s32(dot, 8);
  dot_group<Block>(vectors, low, dots);
}

// Four rows' scales of 16 halves.
static inline float32x4_t quarter_of(const float16x8_t* halves, int i) noexcept {
  return i % 2 == 0 ? vcvt_f32_f16(vget_low_f16(halves[i / 2])) : vcvt_high_f32_f16(halves[i / 2]);
}
struct PanelHalves {
  explicit PanelHalves(const uint8_t* p) noexcept
      : at{vreinterpretq_f16_u8(vld1q_u8(p)), vreinterpretq_f16_u8(vld1q_u8(p + 16))} {}
  float16x8_t at[2];
};

// Results of one panel: its columns from `column` on that the matrix has.
static inline void store_panel(const MatmulArgs& a, uint32_t column, const float32x4_t* totals) noexcept {
  float lanes[kPanelRows];
  for (int i = 0; i < 4; ++i) vst1q_f32(lanes + 4 * i, totals[i]);
  const uint32_t columns = a.n - column < kPanelRows ? a.n - column : kPanelRows;
  __builtin_memcpy(dst_row(a, 0, column), lanes, columns * sizeof(float));
}

template <class Block>
static void multiply_single(const MatmulArgs& a) noexcept {
  const auto lhs = lhs_row<typename Block::Lhs>(a, 0);
  const uint8_t* block = static_cast<const uint8_t*>(a.rhs);
  uint32_t column = 0;
  if constexpr (!Block::kMinima && sizeof(typename Block::Lhs) == 1) {
    const size_t panel_bytes = size_t{a.blocks} * Block::kBytes;
    for (; column + kPanelRows < a.n; column += 2 * kPanelRows, block += 2 * panel_bytes) {
      float32x4_t totals[8];
      two_panels<Block>(block, block + panel_bytes, lhs, a.blocks, totals);
      store_panel(a, column, totals);
      store_panel(a, column + kPanelRows, totals + 4);
    }
  }
  for (; column < a.n; column += kPanelRows) {
    float32x4_t total[4] = {};
    const auto* q = lhs.q;
    for (size_t b = 0; b < a.blocks; ++b, block += Block::kBytes, q += 32) {
      // An offset in the weights comes off where the sums begin: cheaper for one row than signed nibbles.
      const int32x4_t start = vdupq_n_s32(Block::kOffset ? lhs.start[b] : 0);
      PanelDots dots = {{start, start, start, start}};
      multiply_group<Block>(block + Block::kVectors, q, dots);
      const PanelHalves scales(block);
      for (int i = 0; i < 4; ++i)
        total[i] =
            vfmaq_f32(total[i], vcvtq_f32_s32(dots.quarter[i]), vmulq_n_f32(quarter_of(scales.at, i), lhs.scale[b]));
      if constexpr (Block::kMinima) {
        const PanelHalves minima(block + Block::kMinimaAt);
        for (int i = 0; i < 4; ++i) total[i] = vfmaq_n_f32(total[i], quarter_of(minima.at, i), lhs.weighted[b]);
      }
    }
    store_panel(a, column, total);
  }
}

}  // namespace
}  // namespace runnel
