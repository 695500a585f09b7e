// What packed panels mean to the tall tiles (tall_neon.h), a quarter of 4 rows and a group of 32 k at a time:
//   weights    8 vectors; vector j holds k 4j .. 4j+3 of each row, signed
//   scale, minimum, half_scale, half_minimum    of 4 rows
// with w = scale * weight / 2^kFractionBits + minimum, scale * half_scale * weight, or scale * weight + minimum *
// half_minimum.
#pragma once

#include "kernels/matmul/k_ops_neon.h"
#include "kernels/matmul/tall_neon.h"

namespace runnel {
namespace {

static inline float32x4_t load_halves(const uint8_t* p) noexcept {
  return vcvt_f32_f16(vreinterpret_f16_u8(vld1_u8(p)));
}

// One of the two int16 in each lane.
static inline int32x4_t half_of(uint32x4_t pairs, int half) noexcept {
  const int32x4_t both = vreinterpretq_s32_u32(pairs);
  return half == 0 ? vshrq_n_s32(vshlq_n_s32(both, 16), 16) : vshrq_n_s32(both, 16);
}

// Blocks of one group: packed_blocks.h.
template <class Block>
struct TallPanel {
  static constexpr uint32_t kGroups = 1;
  static constexpr size_t kBytes = Block::kBytes;
  // A nibble less 8 in the upper half of its byte takes three operations for two vectors, in the lower half four. The
  // conversion to float takes 16 off at no cost, where the sums have room for it.
  template <class Dot>
  using Form =
      TallForm<Block::kOffset && !Dot::kShortSums ? 4 : 0, Block::kMinima, false, Block::kNibbles, typename Block::Lhs>;

  template <class Form>
  static void weights(const uint8_t* block, int, int quarter, int8x16_t* out) noexcept {
    const uint8_t* vectors = block + Block::kVectors + 16 * quarter;
    for (int j = 0; j < 8; ++j) {
      if constexpr (!Block::kNibbles) {
        out[j] = vreinterpretq_s8_u8(vld1q_u8(vectors + 64 * j));
        continue;
      }
      const uint8x16_t nibbles = vld1q_u8(vectors + 64 * (j % 4));
      if constexpr (!Block::kOffset) {
        out[j] = vreinterpretq_s8_u8(j < 4 ? vandq_u8(nibbles, vdupq_n_u8(15)) : vshrq_n_u8(nibbles, 4));
      } else {
        const uint8x16_t both = veorq_u8(nibbles, vdupq_n_u8(0x88));
        const int8x16_t high = vreinterpretq_s8_u8(j < 4 ? vshlq_n_u8(both, 4) : vandq_u8(both, vdupq_n_u8(0xf0)));
        out[j] = Form::kFractionBits == 4 ? high : vshrq_n_s8(high, 4);
      }
    }
  }
  static float32x4_t scale(const uint8_t* block, int, int quarter) noexcept { return load_halves(block + 8 * quarter); }
  static float32x4_t minimum(const uint8_t* block, int, int quarter) noexcept {
    return load_halves(block + Block::kMinimaAt + 8 * quarter);
  }
};

// Groups of one scale: k_panels.h, g32_panels.h.
template <class Block>
struct TallKPanel {
  static constexpr uint32_t kGroups = Block::kGroups;
  static constexpr size_t kBytes = Block::kBytes;
  template <class>
  using Form = TallForm<0, Block::kMinima != 0, false, !Block::kLevels, int8_t>;  // 8 * 31 * 127 fit 16 bits

  template <class>
  static void weights(const uint8_t* block, int group, int quarter, int8x16_t* out) noexcept {
    for (int j = 0; j < 8; ++j)
      out[j] = vreinterpretq_s8_u32(k_weights<KOpsNeon, Block>(block, group, j, quarter)) -
               vdupq_n_s8(k_offset<KOpsNeon, Block>());
  }
  static float32x4_t scale(const uint8_t* block, int group, int quarter) noexcept {
    return k_scale<KOpsNeon, Block>(block, group, quarter);
  }
  static float32x4_t minimum(const uint8_t* block, int group, int quarter) noexcept {
    return k_minimum<KOpsNeon, Block>(block, group, quarter);
  }
};

// Q6_K and Q3_K: k_panels.h.
template <class Block>
struct TallHalvesPanel {
  static constexpr uint32_t kGroups = 8;
  static constexpr size_t kBytes = Block::kBytes;
  template <class>
  using Form = TallForm<0, false, true, true, int8_t>;  // 4 * 32 * 127 fit 16 bits

  template <class>
  static void weights(const uint8_t* block, int group, int quarter, int8x16_t* out) noexcept {
    for (int j = 0; j < 8; ++j)
      out[j] = vreinterpretq_s8_u32(Block::template weights<uint32x4_t>(block, group, j, quarter)) -
               vdupq_n_s8(Block::kOffset);
  }
  static float32x4_t scale(const uint8_t* block, int, int quarter) noexcept { return load_halves(block + 8 * quarter); }
  static int32x4_t half_scale(const uint8_t* block, int group, int quarter, int half) noexcept {
    return half_of(Block::template scales<uint32x4_t>(block, group, quarter), half);
  }
};

// Q2_K: k_panels.h. Weights times the scale of their half, which are bytes of at most 45.
struct TallQ2kPanel {
  static constexpr uint32_t kGroups = 8;
  static constexpr size_t kBytes = Q2kBlock::kBytes;
  template <class>
  using Form = TallForm<0, false, false, false, int8_t, true>;

  // A weight of 2 bits chooses from 0, s, 2s and 3s: a table of 16 bytes has four rows' four.
  template <class>
  static void weights(const uint8_t* block, int group, int quarter, int8x16_t* out) noexcept {
    const uint32x4_t both = Q2kBlock::scales<uint32x4_t>(block, group, quarter);
    const uint32x4_t scales[2] = {both & 0xffffu, both >> 16};
    const uint32x4_t row = {0, 0x04040404u, 0x08080808u, 0x0c0c0c0cu};
    for (int j = 0; j < 8; ++j) {
      const uint8x16_t products = vreinterpretq_u8_u32(scales[j / 4] * 0x03020100u);
      const uint32x4_t at = Q2kBlock::weights<uint32x4_t>(block, group, j, quarter) | row;
      out[j] = vreinterpretq_s8_u8(vqtbl1q_u8(products, vreinterpretq_u8_u32(at)));
    }
  }
  static float32x4_t scale(const uint8_t* block, int, int quarter) noexcept { return load_halves(block + 8 * quarter); }
  static float32x4_t minimum(const uint8_t* block, int, int quarter) noexcept {
    return -load_halves(block + Q2kBlock::kMinima + 8 * quarter);
  }
  static int32x4_t half_minimum(const uint8_t* block, int group, int quarter, int half) noexcept {
    return half_of(Q2kBlock::minima<uint32x4_t>(block, group, quarter), half);
  }
};

}  // namespace
}  // namespace runnel
