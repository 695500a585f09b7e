// Dot products of a group with Armv8.0: 8-bit products widened to 16 bits. Half a panel at a time, so that the sums of
// 4 tokens (4 registers each, two rows a register) stay in registers beside the weights.
#pragma once

#include "kernels/matmul/tile_neon.h"

namespace runnel {
namespace {

struct DotNeon {
  template <class Block, int kTokens>
  static void group(const uint8_t* vectors, const LhsRow<typename Block::Lhs>* lhs, uint32_t b,
                    DotsNeon* dots) noexcept {
    if constexpr (sizeof(typename Block::Lhs) == 2) {
      wide<kTokens>(vectors, lhs, b, dots);
    } else {
      narrow<Block, kTokens>(vectors, lhs, b, dots);
    }
  }

 private:
  // 8-bit activations.
  template <class Block, int kTokens>
  static void narrow(const uint8_t* vectors, const LhsRow<int8_t>* lhs, uint32_t b, DotsNeon* dots) noexcept {
    for (int half = 0; half < 2; ++half) {
      if constexpr (Block::kNibbles) {
        nibbles<kTokens>(vectors + 32 * half, lhs, b, half, dots);
      } else {
        bytes<kTokens>(vectors + 32 * half, lhs, b, half, dots);
      }
    }
    if constexpr (Block::kOffset) {
      for (int t = 0; t < kTokens; ++t) {
        const int32x4_t start = vdupq_n_s32(lhs[t].start[b]);
        for (int i = 0; i < 4; ++i) dots[t].quarter[i] = vaddq_s32(dots[t].quarter[i], start);
      }
    }
  }

  static int8x8_t broadcast4(const int8_t* p) noexcept {
    int32_t word;
    __builtin_memcpy(&word, p, sizeof(word));
    return vreinterpret_s8_s32(vdup_n_s32(word));
  }

  // A 16-bit lane adds 8 products of at most 15 * 127.
  template <int kTokens>
  static void nibbles(const uint8_t* vectors, const LhsRow<int8_t>* lhs, uint32_t b, int half,
                      DotsNeon* dots) noexcept {
    int16x8_t sum[kTokens][4];
    for (int t = 0; t < kTokens; ++t)
      for (int i = 0; i < 4; ++i) sum[t][i] = vdupq_n_s16(0);
    for (int j = 0; j < 4; ++j) {
      for (int i = 0; i < 2; ++i) {
        const uint8x16_t both = vld1q_u8(vectors + 64 * j + 16 * i);
        const int8x16_t low = vreinterpretq_s8_u8(vandq_u8(both, vdupq_n_u8(15)));
        const int8x16_t high = vreinterpretq_s8_u8(vshrq_n_u8(both, 4));
        for (int t = 0; t < kTokens; ++t) {
          const int8_t* q = lhs[t].q + size_t{b} * 32 + 4 * j;
          const int8x8_t q_low = broadcast4(q), q_high = broadcast4(q + 16);
          sum[t][2 * i] = vmlal_s8(sum[t][2 * i], vget_low_s8(low), q_low);
          sum[t][2 * i] = vmlal_s8(sum[t][2 * i], vget_low_s8(high), q_high);
          sum[t][2 * i + 1] = vmlal_s8(sum[t][2 * i + 1], vget_high_s8(low), q_low);
          sum[t][2 * i + 1] = vmlal_s8(sum[t][2 * i + 1], vget_high_s8(high), q_high);
        }
      }
    }
    for (int t = 0; t < kTokens; ++t)
      for (int i = 0; i < 2; ++i)
        dots[t].quarter[2 * half + i] = vpaddq_s32(vpaddlq_s16(sum[t][2 * i]), vpaddlq_s16(sum[t][2 * i + 1]));
  }

  // Two products of at most 128 * 127 fit 16 bits; then they join 32-bit sums.
  template <int kTokens>
  static void bytes(const uint8_t* vectors, const LhsRow<int8_t>* lhs, uint32_t b, int half, DotsNeon* dots) noexcept {
    int32x4_t sum[kTokens][4];
    for (int t = 0; t < kTokens; ++t)
      for (int i = 0; i < 4; ++i) sum[t][i] = vdupq_n_s32(0);
    for (int j = 0; j < 8; j += 2) {
      for (int i = 0; i < 2; ++i) {
        const int8x16_t even = vreinterpretq_s8_u8(vld1q_u8(vectors + 64 * j + 16 * i));
        const int8x16_t odd = vreinterpretq_s8_u8(vld1q_u8(vectors + 64 * j + 64 + 16 * i));
        for (int t = 0; t < kTokens; ++t) {
          const int8_t* q = lhs[t].q + size_t{b} * 32 + 4 * j;
          const int8x8_t q_even = broadcast4(q), q_odd = broadcast4(q + 4);
          const int16x8_t low = vmlal_s8(vmull_s8(vget_low_s8(even), q_even), vget_low_s8(odd), q_odd);
          const int16x8_t high = vmlal_s8(vmull_s8(vget_high_s8(even), q_even), vget_high_s8(odd), q_odd);
          sum[t][2 * i] = vpadalq_s16(sum[t][2 * i], low);
          sum[t][2 * i + 1] = vpadalq_s16(sum[t][2 * i + 1], high);
        }
      }
    }
    for (int t = 0; t < kTokens; ++t)
      for (int i = 0; i < 2; ++i) dots[t].quarter[2 * half + i] = vpaddq_s32(sum[t][2 * i], sum[t][2 * i + 1]);
  }

  // Bytes times 16-bit activations, a quarter of the panel at a time: a row's 4 k are one register half, its 4 products
  // one register of sums. A sum of 32 products is below 2^27.
  template <int kTokens>
  static void wide(const uint8_t* vectors, const LhsRow<int16_t>* lhs, uint32_t b, DotsNeon* dots) noexcept {
    for (int i = 0; i < 4; ++i) {
      int32x4_t row[kTokens][4];
      for (int t = 0; t < kTokens; ++t)
        for (int r = 0; r < 4; ++r) row[t][r] = vdupq_n_s32(0);
      for (int j = 0; j < 8; ++j) {
        const int8x16_t bytes = vreinterpretq_s8_u8(vld1q_u8(vectors + 64 * j + 16 * i));
        const int16x8_t low = vmovl_s8(vget_low_s8(bytes)), high = vmovl_high_s8(bytes);
        for (int t = 0; t < kTokens; ++t) {
          const int16x4_t q = vld1_s16(lhs[t].q + size_t{b} * 32 + 4 * j);
          row[t][0] = vmlal_s16(row[t][0], vget_low_s16(low), q);
          row[t][1] = vmlal_s16(row[t][1], vget_high_s16(low), q);
          row[t][2] = vmlal_s16(row[t][2], vget_low_s16(high), q);
          row[t][3] = vmlal_s16(row[t][3], vget_high_s16(high), q);
        }
      }
      for (int t = 0; t < kTokens; ++t)
        dots[t].quarter[i] = vpaddq_s32(vpaddq_s32(row[t][0], row[t][1]), vpaddq_s32(row[t][2], row[t][3]));
    }
  }
};

}  // namespace
}  // namespace runnel
