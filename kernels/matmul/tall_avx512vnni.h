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
#include "kernels/matmul/tile_avx512vnni.h"

namespace runnel {
namespace {

inline constexpr uint32_t kTallTokens = 96;   // mr of the rows made of this
inline constexpr uint32_t kChunkGroups = 16;  // whole blocks of every type

// Tiles of two panels by 6 tokens: 12 registers of integer sums, 12 of float sums. A broadcast of activations is a
// load, of which a core makes two a cycle, as many as products: with two panels each serves two.
inline constexpr int kTallPanels = 2, kTileTokens = 6;

// What the sums of a group begin at: how much too large the weights are.
enum class TallStart : uint8_t {
  zero,    // not at all
  nibble,  // by 8
  byte,    // by 128
  halves,  // by the type's offset; each half of a group has a sum and an integer scale of its own
};

// A group of one panel, ready to multiply. kNumbers floats for each of 16 rows: the scale; then the minimum, or the two
// scales of the halves.
template <TallStart kStart_, bool kMinima_, int kOffset_ = 0>
struct TallGroup {
  static constexpr TallStart kStart = kStart_;
  static constexpr bool kMinima = kMinima_;
  static constexpr int kOffset = kOffset_;  // of halves
  static constexpr int kNumbers = kStart == TallStart::halves ? 3 : kMinima ? 2 : 1;
  alignas(64) uint8_t vectors[8][64];  // vector j holds k 4j .. 4j+3 of each row
  alignas(64) float numbers[kNumbers][kPanelRows];
};

// Panels whose blocks are one group: packed_blocks.h.
template <class Block_>
struct TallPanel {
  using Block = Block_;
  static constexpr uint32_t kGroups = 1;
  using Group = TallGroup<!Block::kNibbles ? TallStart::byte
                          : Block::kOffset ? TallStart::nibble
                                           : TallStart::zero,
                          Block::kMinima>;

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
  static void multiply_few(const MatmulArgs& a) noexcept { multiply_tile<Block, kFew>(a); }
};

// k-quants: k_panels.h.
template <class Block_>
struct TallKPanel {
  using Block = Block_;
  using Ops = KOpsAvx512Vnni;
  using U = Ops::U;
  static constexpr uint32_t kGroups = kKGroups, kFew = 0;
  using Group =
      TallGroup<Block::kHalfGroups ? TallStart::halves : TallStart::zero, !Block::kHalfGroups, Block::kOffset>;

  static void unpack(const uint8_t* block, Group* groups) noexcept {
#pragma GCC unroll 8
    for (int g = 0; g < kKGroups; ++g) {  // unrolled: a shift by a number that is not known takes two steps
      Group& out = groups[g];
#pragma GCC unroll 8
      for (int j = 0; j < 8; ++j) put(Block::template weights<U>(block, g, j, 0), out.vectors[j]);
      if constexpr (Block::kHalfGroups) {
        const U both = Block::template scales<U>(block, g, 0);
        put(Ops::load_halves(block, 0), out.numbers[0]);
        put(Ops::to_float(Ops::as_signed(both << 16) >> 16), out.numbers[1]);
        put(Ops::to_float(Ops::as_signed(both) >> 16), out.numbers[2]);
      } else {
        put(k_scale<Ops, Block>(block, g, 0), out.numbers[0]);
        put(k_minimum<Ops, Block>(block, g, 0), out.numbers[1]);
      }
    }
  }

 private:
  template <class Lanes>
  static void put(const Lanes& lanes, void* out) noexcept {
    __builtin_memcpy(out, &lanes, sizeof(lanes));
  }
};

// sums += products of vectors [begin, end) of a group.
template <int kTokens, class Group, class Lhs>
static inline void tall_dots(const Group* const* group, int begin, int end, const Lhs& lhs,
                             __m512i (&sums)[kTokens][kTallPanels]) noexcept {
#pragma GCC unroll 8
  for (int j = begin; j < end; ++j) {
    __m512i w[kTallPanels];
#pragma GCC unroll 2
    for (int p = 0; p < kTallPanels; ++p) w[p] = _mm512_load_si512(group[p]->vectors[j]);
#pragma GCC unroll 6
    for (int t = 0; t < kTokens; ++t) {
      const __m512i activations = broadcast_word(lhs.value(t, 4 * j));
#pragma GCC unroll 2
      for (int p = 0; p < kTallPanels; ++p) sums[t][p] = _mm512_dpbusd_epi32(sums[t][p], w[p], activations);
    }
  }
}

// A group's dot products as floats, which are exact.
template <int kTokens, class Group, class Lhs>
static inline void tall_group_dots(const Group* const* group, const Lhs& lhs,
                                   __m512 (&dots)[kTokens][kTallPanels]) noexcept {
  __m512i sums[kTokens][kTallPanels];
  if constexpr (Group::kStart == TallStart::halves) {
    // A half's sum, its offset off, is of Q6_K at most 16 * 32 * 127, times its scale 128 times that, and the group
    // twice that: less than 2^24. Of Q3_K less by far.
#pragma GCC unroll 2
    for (int half = 0; half < 2; ++half) {
#pragma GCC unroll 6
      for (int t = 0; t < kTokens; ++t)
#pragma GCC unroll 2
        for (int p = 0; p < kTallPanels; ++p) sums[t][p] = _mm512_set1_epi32(-Group::kOffset * lhs.halves(t)[half]);
      tall_dots<kTokens>(group, 4 * half, 4 * half + 4, lhs, sums);
#pragma GCC unroll 2
      for (int p = 0; p < kTallPanels; ++p) {
        const __m512 scale = _mm512_load_ps(group[p]->numbers[1 + half]);
#pragma GCC unroll 6
        for (int t = 0; t < kTokens; ++t) {
          const __m512 sum = _mm512_cvtepi32_ps(sums[t][p]);
          dots[t][p] = half == 0 ? _mm512_mul_ps(sum, scale) : _mm512_fmadd_ps(sum, scale, dots[t][p]);
        }
      }
    }
  } else {
#pragma GCC unroll 6
    for (int t = 0; t < kTokens; ++t) {
      __m512i start = _mm512_setzero_si512();
      if constexpr (Group::kStart != TallStart::zero) start = _mm512_set1_epi32(lhs.start(t));
      if constexpr (Group::kStart == TallStart::byte) start = _mm512_slli_epi32(start, 4);
#pragma GCC unroll 2
      for (int p = 0; p < kTallPanels; ++p) sums[t][p] = start;
    }
    tall_dots<kTokens>(group, 0, 8, lhs, sums);
#pragma GCC unroll 6
    for (int t = 0; t < kTokens; ++t)
#pragma GCC unroll 2
      for (int p = 0; p < kTallPanels; ++p) dots[t][p] = _mm512_cvtepi32_ps(sums[t][p]);
  }
}

// A chunk of k of two panels. A last panel without a partner is its own one, of which no column is wanted.
template <class Group>
struct TallChunk {
  Group groups[kTallPanels][kChunkGroups];
  const Group* panels[kTallPanels];
  __mmask16 lanes[kTallPanels];  // columns of dst
  uint32_t column;               // the first of them
  uint32_t begin, count;         // groups of k

  float* dst(const MatmulArgs& a, int token, int p) const noexcept {
    return dst_row(a, static_cast<uint32_t>(token), column + static_cast<uint32_t>(p) * kPanelRows);
  }
};

// A chunk times kTokens rows from a.lhs on, added to what dst holds unless it is the first chunk.
template <class Panel, int kTokens>
[[gnu::noinline]] static void tall_tile(const TallChunk<typename Panel::Group>& chunk, const MatmulArgs& a) noexcept {
  using Group = typename Panel::Group;
  LhsTile<int8_t, kTokens, Panel::kGroups> lhs(a, chunk.begin);
  __m512 total[kTokens][kTallPanels];
#pragma GCC unroll 6
  for (int t = 0; t < kTokens; ++t)
#pragma GCC unroll 2
    for (int p = 0; p < kTallPanels; ++p)
      total[t][p] = chunk.begin == 0 ? _mm512_setzero_ps() : _mm512_maskz_loadu_ps(chunk.lanes[p], chunk.dst(a, t, p));
  const Group* group[kTallPanels] = {chunk.panels[0], chunk.panels[1]};
  for (uint32_t g = 0; g < chunk.count; ++g, ++group[0], ++group[1], lhs.advance()) {
    __m512 dots[kTokens][kTallPanels];
    tall_group_dots<kTokens>(group, lhs, dots);
#pragma GCC unroll 2
    for (int p = 0; p < kTallPanels; ++p) {
      const __m512 scale = _mm512_load_ps(group[p]->numbers[0]);
#pragma GCC unroll 6
      for (int t = 0; t < kTokens; ++t) {
        const __m512 factor = _mm512_mul_ps(scale, _mm512_set1_ps(lhs.scale(t)));
        total[t][p] = _mm512_fmadd_ps(dots[t][p], factor, total[t][p]);
      }
    }
    if constexpr (Group::kMinima) {
#pragma GCC unroll 2
      for (int p = 0; p < kTallPanels; ++p) {
        const __m512 minimum = _mm512_load_ps(group[p]->numbers[1]);
#pragma GCC unroll 6
        for (int t = 0; t < kTokens; ++t)
          total[t][p] = _mm512_fmadd_ps(minimum, _mm512_set1_ps(lhs.weighted(t)), total[t][p]);
      }
    }
  }
#pragma GCC unroll 6
  for (int t = 0; t < kTokens; ++t)
#pragma GCC unroll 2
    for (int p = 0; p < kTallPanels; ++p) _mm512_mask_storeu_ps(chunk.dst(a, t, p), chunk.lanes[p], total[t][p]);
}

// 1 to kTokens rows.
template <class Panel, int kTokens>
static void tall_tile_of(const TallChunk<typename Panel::Group>& chunk, const MatmulArgs& a) noexcept {
  if constexpr (kTokens > 1) {
    if (a.m < static_cast<uint32_t>(kTokens)) return tall_tile_of<Panel, kTokens - 1>(chunk, a);
  }
  tall_tile<Panel, kTokens>(chunk, a);
}

// All rows times a chunk, by tiles of nearly the same number of tokens.
template <class Panel>
static void tall_tiles(const TallChunk<typename Panel::Group>& chunk, const MatmulArgs& a) noexcept {
  MatmulArgs rest = a, tile = a;
  for (uint32_t tiles = (a.m + kTileTokens - 1) / kTileTokens; tiles != 0; --tiles) {
    tile.m = rest.m / tiles;
    tile.lhs = rest.lhs;
    tile.dst = rest.dst;
    tall_tile_of<Panel, kTileTokens>(chunk, tile);
    rest = without_rows(rest, tile.m);
  }
}

template <class Panel>
static void multiply_tall(const MatmulArgs& a) noexcept {
  if constexpr (Panel::kFew > 0) {
    if (a.m <= Panel::kFew) return Panel::multiply_few(a);
  }
  const size_t panel_bytes = size_t{a.blocks} * Panel::Block::kBytes;
  const uint32_t groups = a.blocks * Panel::kGroups;
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
      tall_tiles<Panel>(chunk, a);
    }
    panels += kTallPanels * panel_bytes;
  }
}

}  // namespace
}  // namespace runnel
