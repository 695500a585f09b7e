// q8g32 activations of many tokens times packed panels with AVX-512 VNNI: what a prompt runs.
//
// Weights are unpacked once for up to kTallTokens tokens: a chunk of k of one panel becomes unsigned bytes and float
// scales in first-level cache. Tiles of one panel by kTileTokens tokens then have nothing left to do but multiply;
// integer and float sums stay in registers over the chunk, between chunks the float sums lie in dst. Where there are
// few tokens the tiles of tile_avx512vnni.h and tile_k.h unpack for themselves.
//
// Each output adds its groups in ascending order, one fused multiply-add each and one for a minimum: the bits of
// tile_x86_256.h and tile_k.h.
#pragma once

#include "kernels/matmul/k_ops_avx512vnni.h"
#include "kernels/matmul/tile_avx512vnni.h"

namespace runnel {
namespace {

inline constexpr uint32_t kTallTokens = 48;  // mr of the rows made of this
inline constexpr int kTileTokens = 12;       // 12 registers of integer sums, 12 of float sums
inline constexpr uint32_t kChunkGroups = 16;

// What the sums of a group begin at.
enum class TallStart : uint8_t {
  zero,    // weights as they are, 0 and up
  nibble,  // 8 too large
  byte,    // 128 too large
  halves,  // 32 too large; each half of a group has a sum and an integer scale of its own
};

// A group of one panel, ready to multiply. kNumbers floats for each of 16 rows: the scale; then the minimum, or the two
// scales of the halves.
template <int kNumbers>
struct TallGroup {
  alignas(64) uint8_t vectors[8][64];  // vector j holds k 4j .. 4j+3 of each row
  alignas(64) float numbers[kNumbers][kPanelRows];
};

// Panels whose blocks are one group: packed_blocks.h.
template <class Block_>
struct TallPanel {
  using Block = Block_;
  static constexpr uint32_t kGroups = 1;
  static constexpr bool kMinima = Block::kMinima;
  static constexpr TallStart kStart = !Block::kNibbles ? TallStart::byte
                                      : Block::kOffset ? TallStart::nibble
                                                       : TallStart::zero;
  using Group = TallGroup<kMinima ? 2 : 1>;

  static void unpack(const uint8_t* block, int, Group& out) noexcept {
    _mm512_store_ps(out.numbers[0], load_halves(block));
    if constexpr (kMinima) _mm512_store_ps(out.numbers[1], load_halves(block + Block::kMinimaAt));
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
  static void multiply_few(const MatmulArgs& a) noexcept { multiply_tile<Block, kTileTokens>(a); }
};

// k-quants: k_panels.h.
template <class Block_>
struct TallKPanel {
  using Block = Block_;
  using Ops = KOpsAvx512Vnni;
  using U = Ops::U;
  static constexpr uint32_t kGroups = kKGroups;
  static constexpr bool kMinima = !Block::kHalfGroups;
  static constexpr TallStart kStart = Block::kHalfGroups ? TallStart::halves : TallStart::zero;
  using Group = TallGroup<Block::kHalfGroups ? 3 : 2>;

  static void unpack(const uint8_t* block, int g, Group& out) noexcept {
    for (int j = 0; j < 8; ++j) put(Block::template weights<U>(block, g, j, 0), out.vectors[j]);
    const Ops::F scale = Ops::load_halves(block, 0);
    if constexpr (Block::kHalfGroups) {
      const U both = Block::template scales<U>(block, g, 0);
      put(scale, out.numbers[0]);
      put(Ops::to_float(Ops::as_signed(both << 16) >> 16), out.numbers[1]);
      put(Ops::to_float(Ops::as_signed(both) >> 16), out.numbers[2]);
    } else {
      put(Ops::to_float(Block::template scale<U>(block, g, 0)) * scale, out.numbers[0]);
      put(Ops::to_float(Block::template minimum<U>(block, g, 0)) * -Ops::load_halves(block + Block::kMinima, 0),
          out.numbers[1]);
    }
  }
  static void multiply_few(const MatmulArgs& a) noexcept { multiply_k_tile<Ops, Block, kTileTokens>(a); }

 private:
  template <class Lanes>
  static void put(const Lanes& lanes, void* out) noexcept {
    __builtin_memcpy(out, &lanes, sizeof(lanes));
  }
};

// sums[t] += products of vectors [begin, end) with each token's activations.
template <int kTokens, class Lhs>
static inline void tall_dots(const uint8_t (*vectors)[64], int begin, int end, const Lhs& lhs, __m512i* sums) noexcept {
#pragma GCC unroll 8
  for (int j = begin; j < end; ++j) {
    const __m512i w = _mm512_load_si512(vectors[j]);
#pragma GCC unroll 12
    for (int t = 0; t < kTokens; ++t) sums[t] = _mm512_dpbusd_epi32(sums[t], w, broadcast_word(lhs.value(t, 4 * j)));
  }
}

// A group's dot products as floats, which are exact.
template <class Panel, int kTokens, class Lhs>
static inline void tall_group(const typename Panel::Group& group, const Lhs& lhs, __m512* dots) noexcept {
  __m512i sums[kTokens];
  if constexpr (Panel::kStart == TallStart::halves) {
    // A half's sum, its offset off, is at most 16 * 32 * 127, times its scale 128 times that, and the group twice that:
    // less than 2^24.
#pragma GCC unroll 2
    for (int half = 0; half < 2; ++half) {
#pragma GCC unroll 12
      for (int t = 0; t < kTokens; ++t) sums[t] = _mm512_set1_epi32(-Panel::Block::kOffset * lhs.halves(t)[half]);
      tall_dots<kTokens>(group.vectors, 4 * half, 4 * half + 4, lhs, sums);
      const __m512 scale = _mm512_load_ps(group.numbers[1 + half]);
#pragma GCC unroll 12
      for (int t = 0; t < kTokens; ++t) {
        const __m512 sum = _mm512_cvtepi32_ps(sums[t]);
        dots[t] = half == 0 ? _mm512_mul_ps(sum, scale) : _mm512_fmadd_ps(sum, scale, dots[t]);
      }
    }
  } else {
#pragma GCC unroll 12
    for (int t = 0; t < kTokens; ++t) {
      if constexpr (Panel::kStart == TallStart::zero) {
        sums[t] = _mm512_setzero_si512();
      } else {
        sums[t] = _mm512_set1_epi32(lhs.start(t));
        if constexpr (Panel::kStart == TallStart::byte) sums[t] = _mm512_slli_epi32(sums[t], 4);
      }
    }
    tall_dots<kTokens>(group.vectors, 0, 8, lhs, sums);
#pragma GCC unroll 12
    for (int t = 0; t < kTokens; ++t) dots[t] = _mm512_cvtepi32_ps(sums[t]);
  }
}

// One chunk of one panel, of `lanes` columns, times kTokens rows from a.lhs on, added to what dst holds unless it is
// the first chunk.
template <class Panel, int kTokens>
static void tall_tile(const typename Panel::Group* chunk, uint32_t begin, uint32_t count, const MatmulArgs& a,
                      uint32_t column, __mmask16 lanes) noexcept {
  LhsTile<int8_t, kTokens, Panel::kGroups> lhs(a, begin);
  __m512 total[kTokens];
#pragma GCC unroll 12
  for (int t = 0; t < kTokens; ++t)
    total[t] =
        begin == 0 ? _mm512_setzero_ps() : _mm512_maskz_loadu_ps(lanes, dst_row(a, static_cast<uint32_t>(t), column));
  for (uint32_t g = 0; g < count; ++g, lhs.advance()) {
    const typename Panel::Group& group = chunk[g];
    __m512 dots[kTokens];
    tall_group<Panel, kTokens>(group, lhs, dots);
    const __m512 scale = _mm512_load_ps(group.numbers[0]);
#pragma GCC unroll 12
    for (int t = 0; t < kTokens; ++t)
      total[t] = _mm512_fmadd_ps(dots[t], _mm512_mul_ps(scale, _mm512_set1_ps(lhs.scale(t))), total[t]);
    if constexpr (Panel::kMinima) {
      const __m512 minimum = _mm512_load_ps(group.numbers[1]);
#pragma GCC unroll 12
      for (int t = 0; t < kTokens; ++t) total[t] = _mm512_fmadd_ps(minimum, _mm512_set1_ps(lhs.weighted(t)), total[t]);
    }
  }
#pragma GCC unroll 12
  for (int t = 0; t < kTokens; ++t)
    _mm512_mask_storeu_ps(dst_row(a, static_cast<uint32_t>(t), column), lanes, total[t]);
}

// All of a's rows, by tiles of kTokens and then of smaller ones.
template <class Panel, int kTokens>
static void tall_tiles(MatmulArgs a, const typename Panel::Group* chunk, uint32_t begin, uint32_t count,
                       uint32_t column, __mmask16 lanes) noexcept {
  for (; a.m >= static_cast<uint32_t>(kTokens); a = without_rows(a, kTokens))
    tall_tile<Panel, kTokens>(chunk, begin, count, a, column, lanes);
  if constexpr (kTokens > 1) {
    if (a.m > 0) tall_tiles<Panel, smaller_tile(kTokens)>(a, chunk, begin, count, column, lanes);
  }
}

template <class Panel>
static void multiply_tall(const MatmulArgs& a) noexcept {
  if (a.m <= static_cast<uint32_t>(kTileTokens)) return Panel::multiply_few(a);
  typename Panel::Group chunk[kChunkGroups];  // 9 to 11 KiB of stack
  const uint32_t groups = a.blocks * Panel::kGroups;
  const uint8_t* panel = static_cast<const uint8_t*>(a.rhs);
  for (uint32_t column = 0; column < a.n; column += kPanelRows, panel += size_t{a.blocks} * Panel::Block::kBytes) {
    const uint32_t columns = a.n - column < kPanelRows ? a.n - column : kPanelRows;
    const auto lanes = static_cast<__mmask16>((1u << columns) - 1u);
    for (uint32_t begin = 0; begin < groups; begin += kChunkGroups) {
      const uint32_t count = groups - begin < kChunkGroups ? groups - begin : kChunkGroups;
      for (uint32_t g = 0; g < count; ++g) {
        const uint32_t group = begin + g;
        Panel::unpack(panel + size_t{group / Panel::kGroups} * Panel::Block::kBytes,
                      static_cast<int>(group % Panel::kGroups), chunk[g]);
      }
      tall_tiles<Panel, kTileTokens>(a, chunk, begin, count, column, lanes);
    }
  }
}

}  // namespace
}  // namespace runnel
