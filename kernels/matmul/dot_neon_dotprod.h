// Dot products of a group by sdot: 4 bytes of 4 rows times 4 activations, which are one lane of a register. With 4
// tokens the 16 sums, 8 registers of activations and the unpacked weights fill the 32 registers.
#pragma once

#include "kernels/matmul/tile_neon.h"

namespace runnel {
namespace {

struct DotNeonDotprod {
  template <class Block, int kTokens>
  static void group(const uint8_t* vectors, const LhsRow* lhs, uint32_t b, DotsNeon* dots) noexcept {
    int8x16_t q[kTokens][2];
    for (int t = 0; t < kTokens; ++t) {
      for (int i = 0; i < 2; ++i) q[t][i] = vld1q_s8(lhs[t].q + size_t{b} * 32 + 16 * i);
      const int32x4_t start = vdupq_n_s32(-(lhs[t].sum[b] * (1 << Block::kOffsetShift)));
      for (int i = 0; i < 4; ++i) dots[t].quarter[i] = Block::kOffsetShift != 0 ? start : vdupq_n_s32(0);
    }
    vector<Block, kTokens, 0>(vectors, q, dots);
    vector<Block, kTokens, 1>(vectors, q, dots);
    vector<Block, kTokens, 2>(vectors, q, dots);
    vector<Block, kTokens, 3>(vectors, q, dots);
  }

 private:
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
