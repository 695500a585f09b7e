// q8g32 activations of many tokens times packed panels with AVX-512 VNNI: what a prompt runs.
//
// Weights are unpacked once for up to kTallTokens tokens: a chunk of k of two panels becomes unsigned bytes and float
// scales in first-level cache. Tiles of two panels by 6 tokens then have nothing left to do but multiply; integer and
// float sums stay in registers over the chunk, between chunks the float sums lie in dst.
//
// What a group costs a token is 8 products, a conversion, a product of scales, a fused multiply-add, and one for a
// minimum. Each output adds its groups in ascending order: the bits of tile_x86_256.h and tile_k.h.
#pragma once

#include "kernels/matmul/k_ops_avx512vnni.h"
#include "kernels/matmul/tall_tiles_avx512vnni.h"
#include "kernels/matmul/tile_avx512vnni.h"

namespace runnel {
namespace {

// Panels whose blocks are one group: packed_blocks.h. kRow: the row of matmul.inc for one token.
template <class Block_, MatmulFn kRow>
struct TallPanel {
  using Block = Block_;
  static constexpr uint32_t kGroups = 1;
  using Group = TallGroup<!Block::kNibbles ? TallStart::byte
                          : Block::kOffset ? TallStart::nibble
                                           : TallStart::zero,
                          Block::kMinima ? TallMinima::group : TallMinima::none>;

  static void unpack(const uint8_t* block, Group* groups) noexcept {
    Group& out = *groups;
    _mm512_store_ps(out.numbers[0], load_halves(block));
    if constexpr (Block::kMinima) _mm512_store_ps(out.numbers[1], load_halves(block + Block::kMinimaAt));
    const uint8_t* vectors = block + Block::kVectors;
    for (int j = 0; j < 8; ++j) {
      if constexpr (Block::kNibbles) {
        const __m512i both = load512(vectors + 64 * (j % 4));
        const __m512i nibbles = j < 4 ? both : _mm512_srli_epi16(both, 4);
        _mm512_store_si512(out.vectors[j], _mm512_and_si512(nibbles, _mm512_set1_epi8(15)));
      } else {
        _mm512_store_si512(out.vectors[j], _mm512_xor_si512(load512(vectors + 64 * j), _mm512_set1_epi8(-128)));
      }
    }
  }
  // Few tokens: weights stream from memory.
  static constexpr uint32_t kFew = 4;
  static void multiply_few(const MatmulArgs& a) noexcept { multiply_tile<Block, kFew, kRow>(a); }
};

// k_panels.h, g32_panels.h.
template <class Block_>
struct TallKPanel {
  using Block = Block_;
  using Ops = KOpsAvx512Vnni;
  using U = Ops::U;
  static constexpr uint32_t kGroups = Block::kGroups, kFew = 0;
  static constexpr int kOffset = k_offset<Ops, Block>();
  // Weights times the scale of their half are bytes, at most 45 (Q2_K): a group then has one scale.
  static constexpr bool kScaled = Block::kHalfGroups && Block::kMinima != 0;
  // An offset of its own is made a byte's, that of halves Q6_K's.
  using Group = TallGroup<Block::kHalfGroups && !kScaled ? TallStart::halves
                          : kOffset != 0                 ? TallStart::byte
                                                         : TallStart::zero,
                          kScaled               ? TallMinima::halves
                          : Block::kMinima != 0 ? TallMinima::group
                                                : TallMinima::none>;
  static constexpr int kMade = Group::kStart == TallStart::halves ? 32 : Group::kStart == TallStart::byte ? 128 : 0;
  static constexpr uint32_t kMore = (kMade - kOffset) * 0x01010101u;

  static void unpack(const uint8_t* block, Group* groups) noexcept {
    for (int unrolled = 0; unrolled < Block::kGroups; unrolled += Block::kUnrolled)
#pragma GCC unroll 8
      for (int g = unrolled; g < unrolled + Block::kUnrolled; ++g) unpack_group(block, g, groups[g]);
  }

 private:
  [[gnu::always_inline]] static void unpack_group(const uint8_t* block, int g, Group& out) noexcept {
    if constexpr (kScaled) return unpack_scaled(block, g, out);
#pragma GCC unroll 8
    for (int j = 0; j < 8; ++j) put(k_weights<Ops, Block>(block, g, j, 0) + kMore, out.vectors[j]);
    if constexpr (Block::kHalfGroups) {
      const U both = Block::template scales<U>(block, g, 0);
      put(Ops::load_halves(block, 0), out.numbers[0]);
      put(Ops::to_float(Ops::as_signed(both << 16) >> 16), out.numbers[1]);
      put(Ops::to_float(Ops::as_signed(both) >> 16), out.numbers[2]);
    } else {
      put(k_scale<Ops, Block>(block, g, 0), out.numbers[0]);
      if constexpr (Block::kMinima != 0) put(k_minimum<Ops, Block>(block, g, 0), out.numbers[1]);
    }
  }
  // Weights of 2 bits choose from 0, s, 2s and 3s: a byte shuffle looks up 16 bytes, four rows' four.
  [[gnu::always_inline]] static void unpack_scaled(const uint8_t* block, int g, Group& out) noexcept {
    const U both = Block::template scales<U>(block, g, 0);
    const U scales[2] = {both & 0xffffu, both >> 16};
    const __m512i row = _mm512_broadcast_i32x4(_mm_setr_epi32(0, 0x04040404, 0x08080808, 0x0c0c0c0c));
#pragma GCC unroll 2
    for (int half = 0; half < 2; ++half) {
      const __m512i products = Ops::bits(scales[half] * 0x03020100u);
#pragma GCC unroll 4
      for (int j = 4 * half; j < 4 * half + 4; ++j) {
        const __m512i weights = Ops::bits(Block::template weights<U>(block, g, j, 0));
        _mm512_store_si512(out.vectors[j], _mm512_shuffle_epi8(products, _mm512_or_si512(weights, row)));
      }
    }
    put(Ops::load_halves(block, 0), out.numbers[0]);
    put(-Ops::load_halves(block + Block::kMinima, 0), out.numbers[1]);
    put(Block::template minima<U>(block, g, 0), out.numbers[2]);
  }
  template <class Lanes>
  static void put(const Lanes& lanes, void* out) noexcept {
    __builtin_memcpy(out, &lanes, sizeof(lanes));
  }
};

template <class Panel>
static void multiply_tall(const MatmulArgs& a) noexcept {
  if constexpr (Panel::kFew > 0) {
    if (a.m <= Panel::kFew) return Panel::multiply_few(a);
  }
  const size_t panel_bytes = size_t{a.blocks} * Panel::Block::kBytes;
  const uint32_t groups = a.blocks * Panel::kGroups;
  MatmulArgs by_groups = a;
  by_groups.blocks = groups;
  constexpr size_t kAhead = kChunkGroups / Panel::kGroups * Panel::Block::kBytes;  // a panel's next chunk
  TallChunk<typename Panel::Group> chunk;                                          // 18 to 22 KiB of stack
  const auto* panels = static_cast<const uint8_t*>(a.rhs);
  for (chunk.column = 0; chunk.column < a.n; chunk.column += kTallPanels * kPanelRows) {
    uint32_t columns = a.n - chunk.column;
    int count = 0;
    for (int p = 0; p < kTallPanels; ++p) {
      const uint32_t own = columns < kPanelRows ? columns : kPanelRows;
      chunk.lanes[p] = static_cast<__mmask16>((1u << own) - 1u);
      if (own != 0) count = p + 1;
      chunk.panels[p] = chunk.groups[count - 1];
      columns -= own;
    }
    for (chunk.begin = 0; chunk.begin < groups; chunk.begin += kChunkGroups) {
      chunk.count = groups - chunk.begin < kChunkGroups ? groups - chunk.begin : kChunkGroups;
      for (int p = 0; p < count; ++p) {
        const uint8_t* block = panels + static_cast<size_t>(p) * panel_bytes;
        block += size_t{chunk.begin / Panel::kGroups} * Panel::Block::kBytes;
        for (uint32_t g = 0; g < chunk.count; g += Panel::kGroups, block += Panel::Block::kBytes) {
          for (size_t line = 0; line < Panel::Block::kBytes; line += 64)
            _mm_prefetch(reinterpret_cast<const char*>(block) + kAhead + line, _MM_HINT_T0);
          Panel::unpack(block, &chunk.groups[p][g]);
        }
      }
      tall_tiles_avx512vnni(chunk, by_groups);
    }
    panels += kTallPanels * panel_bytes;
  }
}

}  // namespace
}  // namespace runnel
