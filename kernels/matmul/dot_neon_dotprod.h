// Dot products of a group by sdot: 4 bytes of 4 rows times 4 activations, which are one lane of a register. With 4
// tokens the 16 sums, 8 registers of activations and the unpacked weights fill the 32 registers.
#pragma once

#include "kernels/matmul/tile_neon.h"

namespace runnel {
namespace {

struct DotNeonDotprod {
  template <class Block, int kTokens>
  static void group(const uint8_t* vectors, const LhsRow<typename Block::Lhs>* lhs, uint32_t b,
                    DotsNeon* dots) noexcept {
    int8x16_t q[kTokens][2];
    if constexpr (sizeof(typename Block::Lhs) == 2) {
      high_bytes<kTokens>(lhs, b, q);
      for (int t = 0; t < kTokens; ++t)
        for (int i = 0; i < 4; ++i) dots[t].quarter[i] = vdupq_n_s32(0);
      all_vectors<Block, kTokens>(vectors, q, dots);
      low_bytes<kTokens>(lhs, b, q);
      for (int t = 0; t < kTokens; ++t)
        for (int i = 0; i < 4; ++i) dots[t].quarter[i] = vshlq_n_s32(dots[t].quarter[i], 8);
      all_vectors<Block, kTokens>(vectors, q, dots);
    } else {
      bytes<Block, kTokens>(lhs, b, q, dots);
      all_vectors<Block, kTokens>(vectors, q, dots);
    }
  }

 private:
  // 8-bit activations; sums begin with what the weights' offset takes off.
  template <class Block, int kTokens>
  static void bytes(const LhsRow<int8_t>* lhs, uint32_t b, int8x16_t (*q)[2], DotsNeon* dots) noexcept {
    for (int t = 0; t < kTokens; ++t) {
      for (int i = 0; i < 2; ++i) q[t][i] = vld1q_s8(lhs[t].q + size_t{b} * 32 + 16 * i);
      const int32x4_t start = vdupq_n_s32(-(lhs[t].sum[b] * (1 << Block::kOffsetShift)));
      for (int i = 0; i < 4; ++i) dots[t].quarter[i] = Block::kOffsetShift != 0 ? start : vdupq_n_s32(0);
    }
  }

  // A 16-bit activation is 256 * high + low, both signed bytes: high is rounded, not cut.
  template <int kTokens>
  static void high_bytes(const LhsRow<int16_t>* lhs, uint32_t b, int8x16_t (*q)[2]) noexcept {
    const int16x8_t half = vdupq_n_s16(128);
    for (int t = 0; t < kTokens; ++t) {
      for (int i = 0; i < 2; ++i) {
        const int16_t* from = lhs[t].q + size_t{b} * 32 + 16 * i;
        q[t][i] = vuzp2q_s8(vreinterpretq_s8_s16(vaddq_s16(vld1q_s16(from), half)),
                            vreinterpretq_s8_s16(vaddq_s16(vld1q_s16(from + 8), half)));
      }
    }
  }
  template <int kTokens>
  static void low_bytes(const LhsRow<int16_t>* lhs, uint32_t b, int8x16_t (*q)[2]) noexcept {
    for (int t = 0; t < kTokens; ++t) {
      for (int i = 0; i < 2; ++i) {
        const int16_t* from = lhs[t].q + size_t{b} * 32 + 16 * i;
        q[t][i] = vuzp1q_s8(vreinterpretq_s8_s16(vld1q_s16(from)), vreinterpretq_s8_s16(vld1q_s16(from + 8)));
      }
    }
  }

  template <class Block, int kTokens>
  static void all_vectors(const uint8_t* vectors, const int8x16_t (*q)[2], DotsNeon* dots) noexcept {
    vector<Block, kTokens, 0>(vectors, q, dots);
    vector<Block, kTokens, 1>(vectors, q, dots);
    vector<Block, kTokens, 2>(vectors, q, dots);
    vector<Block, kTokens, 3>(vectors, q, dots);
  }

  // Vector kLane, and for bytes vector 4 + kLane: lane kLane of the two halves of the activations.
  template <class Block, int kTokens, int kLane>
  static void vector(const uint8_t* vectors, const int8x16_t (*q)[2], DotsNeon* dots) noexcept {
    for (int i = 0; i < 4; ++i) {
      const uint8x16_t first = vld1q_u8(vectors + 64 * kLane + 16 * i);
      int8x16_t w[2];
      if constexpr (Block::kNibbles) {
        w[0] = vreinterpretq_s8_u8(vandq_u8(first, vdupq_n_u8(15)));
        w[1] = vreinterpretq_s8_u8(vshrq_n_u8(first, 4));
      } else {
        w[0] = vreinterpretq_s8_u8(first);
        w[1] = vreinterpretq_s8_u8(vld1q_u8(vectors + 64 * (4 + kLane) + 16 * i));
      }
      for (int t = 0; t < kTokens; ++t) {
        dots[t].quarter[i] = vdotq_laneq_s32(dots[t].quarter[i], w[0], q[t][0], kLane);
        dots[t].quarter[i] = vdotq_laneq_s32(dots[t].quarter[i], w[1], q[t][1], kLane);
      }
    }
  }
};

}  // namespace
}  // namespace runnel
