// Sums of tiles of two panels by up to 6 tokens stay in registers over a chunk. A group costs a token 8 products, a
// conversion, a product of scales, a fused multiply-add, and one for a minimum.
#include "kernels/matmul/tall_tiles_avx512vnni.h"

#include "kernels/matmul/tile_avx512vnni.h"

namespace runnel {
namespace {

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
    // twice that: less than 2^24.
#pragma GCC unroll 2
    for (int half = 0; half < 2; ++half) {
#pragma GCC unroll 6
      for (int t = 0; t < kTokens; ++t)
#pragma GCC unroll 2
        for (int p = 0; p < kTallPanels; ++p) sums[t][p] = _mm512_set1_epi32(-32 * lhs.halves(t)[half]);
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

template <class Group>
static inline float* chunk_dst(const TallChunk<Group>& chunk, const MatmulArgs& a, int token, int p) noexcept {
  return dst_row(a, static_cast<uint32_t>(token), chunk.column + static_cast<uint32_t>(p) * kPanelRows);
}

// A chunk times kTokens rows from a.lhs on, added to what dst holds unless it is the first chunk.
template <class Group, int kTokens>
[[gnu::noinline]] static void tall_tile(const TallChunk<Group>& chunk, const MatmulArgs& a) noexcept {
  LhsTile<int8_t, kTokens> lhs(a, chunk.begin);
  __m512 total[kTokens][kTallPanels];
#pragma GCC unroll 6
  for (int t = 0; t < kTokens; ++t)
#pragma GCC unroll 2
    for (int p = 0; p < kTallPanels; ++p)
      total[t][p] =
          chunk.begin == 0 ? _mm512_setzero_ps() : _mm512_maskz_loadu_ps(chunk.lanes[p], chunk_dst(chunk, a, t, p));
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
    if constexpr (Group::kMinima == TallMinima::group) {
#pragma GCC unroll 2
      for (int p = 0; p < kTallPanels; ++p) {
        const __m512 minimum = _mm512_load_ps(group[p]->numbers[1]);
#pragma GCC unroll 6
        for (int t = 0; t < kTokens; ++t)
          total[t][p] = _mm512_fmadd_ps(minimum, _mm512_set1_ps(lhs.weighted(t)), total[t][p]);
      }
    }
    if constexpr (Group::kMinima == TallMinima::halves) {
#pragma GCC unroll 2
      for (int p = 0; p < kTallPanels; ++p) {
        const __m512 minimum = _mm512_load_ps(group[p]->numbers[1]);
        const __m512i minima = _mm512_load_si512(group[p]->numbers[2]);
#pragma GCC unroll 6
        for (int t = 0; t < kTokens; ++t) {
          const __m512i dot = _mm512_madd_epi16(minima, broadcast_word(lhs.halves(t)));
          const __m512 factor = _mm512_mul_ps(minimum, _mm512_set1_ps(lhs.scale(t)));
          total[t][p] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(dot), factor, total[t][p]);
        }
      }
    }
  }
#pragma GCC unroll 6
  for (int t = 0; t < kTokens; ++t)
#pragma GCC unroll 2
    for (int p = 0; p < kTallPanels; ++p) _mm512_mask_storeu_ps(chunk_dst(chunk, a, t, p), chunk.lanes[p], total[t][p]);
}

// 1 to kTokens rows.
template <class Group, int kTokens>
static void tall_tile_of(const TallChunk<Group>& chunk, const MatmulArgs& a) noexcept {
  if constexpr (kTokens > 1) {
    if (a.m < static_cast<uint32_t>(kTokens)) return tall_tile_of<Group, kTokens - 1>(chunk, a);
  }
  tall_tile<Group, kTokens>(chunk, a);
}

}  // namespace

// All rows times a chunk, by tiles of nearly the same number of tokens.
template <class Group>
void tall_tiles_avx512vnni(const TallChunk<Group>& chunk, const MatmulArgs& a) noexcept {
  MatmulArgs rest = a, tile = a;
  for (uint32_t tiles = (a.m + kTileTokens - 1) / kTileTokens; tiles != 0; --tiles) {
    tile.m = rest.m / tiles;
    tile.lhs = rest.lhs;
    tile.dst = rest.dst;
    tall_tile_of<Group, kTileTokens>(chunk, tile);
    rest = without_rows(rest, tile.m);
  }
}

template <TallStart kStart, TallMinima kMinima>
using Chunk = TallChunk<TallGroup<kStart, kMinima>>;
template void tall_tiles_avx512vnni(const Chunk<TallStart::zero, TallMinima::group>&, const MatmulArgs&) noexcept;
template void tall_tiles_avx512vnni(const Chunk<TallStart::zero, TallMinima::halves>&, const MatmulArgs&) noexcept;
template void tall_tiles_avx512vnni(const Chunk<TallStart::nibble, TallMinima::none>&, const MatmulArgs&) noexcept;
template void tall_tiles_avx512vnni(const Chunk<TallStart::byte, TallMinima::none>&, const MatmulArgs&) noexcept;
template void tall_tiles_avx512vnni(const Chunk<TallStart::halves, TallMinima::none>&, const MatmulArgs&) noexcept;

}  // namespace runnel
