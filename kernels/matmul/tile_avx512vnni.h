// Quantised activations times 4- and 8-bit panels with AVX-512 VNNI: a panel's 16 rows are the 16 lanes of one
// register, and one instruction multiplies four bytes of each with a broadcast of one token's four activations and adds
// them.
//
// A single row of activations, or up to 12 of 16 bits (many of 8 bits: tall_avx512vnni.h): one panel times 12 tokens
// keeps 12 integer and 12 float sums in registers. Signed weights are taken as unsigned ones that are 128 too large;
// that, and the 8 that a nibble is too large, is in what the sums start at. Loops are unrolled by order: the compiler's
// own limit leaves them rolled, which costs a twentieth. Groups are added as in tile_x86_256.h: the same bits.
#pragma once

#include <immintrin.h>

#include "kernels/matmul/packed_blocks.h"

namespace runnel {
namespace {

static inline __m512i load512(const uint8_t* p) noexcept { return _mm512_loadu_si512(p); }
static inline __m512i broadcast_word(const void* p) noexcept {
  int32_t word;
  __builtin_memcpy(&word, p, sizeof(word));
  return _mm512_set1_epi32(word);
}
static inline __m512 load_halves(const uint8_t* p) noexcept {
  return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
}

// Bytes times 16-bit activations: a row's 4 k as two pairs of 16-bit integers in its lane.
template <int kTokens>
static void dot_group_wide(const uint8_t* vectors, const LhsTile<int16_t, kTokens>& lhs, __m512i* dots) noexcept {
  constexpr char kNone = -1;  // a zero byte, which the shift drops
  const __m512i first = _mm512_broadcast_i32x4(_mm_setr_epi8(kNone, 0, kNone, 1, kNone, 4, kNone, 5,  //
                                                             kNone, 8, kNone, 9, kNone, 12, kNone, 13));
  const __m512i second = _mm512_broadcast_i32x4(_mm_setr_epi8(kNone, 2, kNone, 3, kNone, 6, kNone, 7,  //
                                                              kNone, 10, kNone, 11, kNone, 14, kNone, 15));
#pragma GCC unroll 12
  for (int t = 0; t < kTokens; ++t) dots[t] = _mm512_setzero_si512();
#pragma GCC unroll 8
  for (int j = 0; j < 8; ++j) {
    const __m512i w = load512(vectors + 64 * j);
    const __m512i pairs[2] = {_mm512_srai_epi16(_mm512_shuffle_epi8(w, first), 8),
                              _mm512_srai_epi16(_mm512_shuffle_epi8(w, second), 8)};
#pragma GCC unroll 2
    for (int i = 0; i < 2; ++i)
#pragma GCC unroll 12
      for (int t = 0; t < kTokens; ++t)
        dots[t] = _mm512_dpwssd_epi32(dots[t], pairs[i], broadcast_word(lhs.value(t, 4 * j + 2 * i)));
  }
}

template <class Block, int kTokens>
static void dot_group(const uint8_t* vectors, const LhsTile<int8_t, kTokens>& lhs, __m512i* dots) noexcept {
#pragma GCC unroll 12
  for (int t = 0; t < kTokens; ++t) {
    if constexpr (Block::kOffset) {
      dots[t] = _mm512_set1_epi32(lhs.start(t));
    } else {
      dots[t] = Block::kNibbles ? _mm512_setzero_si512() : _mm512_slli_epi32(_mm512_set1_epi32(lhs.start(t)), 4);
    }
  }
  if constexpr (Block::kNibbles) {
    const __m512i mask = _mm512_set1_epi8(15);
#pragma GCC unroll 8
    for (int j = 0; j < 4; ++j) {
      const __m512i both = load512(vectors + 64 * j);
      const __m512i parts[2] = {_mm512_and_si512(both, mask), _mm512_and_si512(_mm512_srli_epi16(both, 4), mask)};
#pragma GCC unroll 2
      for (int i = 0; i < 2; ++i)
#pragma GCC unroll 12
        for (int t = 0; t < kTokens; ++t)
          dots[t] = _mm512_dpbusd_epi32(dots[t], parts[i], broadcast_word(lhs.value(t, 16 * i + 4 * j)));
    }
  } else {
#pragma GCC unroll 8
    for (int j = 0; j < 8; ++j) {
      const __m512i w = _mm512_xor_si512(load512(vectors + 64 * j), _mm512_set1_epi8(-128));
#pragma GCC unroll 12
      for (int t = 0; t < kTokens; ++t) dots[t] = _mm512_dpbusd_epi32(dots[t], w, broadcast_word(lhs.value(t, 4 * j)));
    }
  }
}

// total += one group's share of the outputs.
template <class Block, int kTokens>
static void add_group(const uint8_t* block, const LhsTile<typename Block::Lhs, kTokens>& lhs, __m512* total) noexcept {
  __m512i dots[kTokens];
  if constexpr (sizeof(typename Block::Lhs) == 2) {
    dot_group_wide<kTokens>(block + Block::kVectors, lhs, dots);
  } else {
    dot_group<Block, kTokens>(block + Block::kVectors, lhs, dots);
  }
  const __m512 scale = load_halves(block);
#pragma GCC unroll 12
  for (int t = 0; t < kTokens; ++t) {
    const __m512 factor = _mm512_mul_ps(scale, _mm512_set1_ps(lhs.scale(t)));
    total[t] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(dots[t]), factor, total[t]);
  }
  if constexpr (Block::kMinima) {
    const __m512 minimum = load_halves(block + Block::kMinimaAt);
#pragma GCC unroll 12
    for (int t = 0; t < kTokens; ++t) total[t] = _mm512_fmadd_ps(minimum, _mm512_set1_ps(lhs.weighted(t)), total[t]);
  }
}

template <class Block, int kTokens>
static void multiply_panels(const MatmulArgs& a) noexcept {
  const uint8_t* block = static_cast<const uint8_t*>(a.rhs);
  for (uint32_t column = 0; column < a.n; column += kPanelRows) {
    LhsTile<typename Block::Lhs, kTokens> lhs(a);
    __m512 total[kTokens];
#pragma GCC unroll 12
    for (int t = 0; t < kTokens; ++t) total[t] = _mm512_setzero_ps();
    for (uint32_t b = 0; b < a.blocks; ++b, block += Block::kBytes, lhs.advance())
      add_group<Block, kTokens>(block, lhs, total);
    const uint32_t columns = a.n - column < kPanelRows ? a.n - column : kPanelRows;
    const __mmask16 lanes = static_cast<__mmask16>((1u << columns) - 1u);
    for (int t = 0; t < kTokens; ++t)
      _mm512_mask_storeu_ps(dst_row(a, static_cast<uint32_t>(t), column), lanes, total[t]);
  }
}

// Few rows (decode, the last words of a prompt): four panels at a time, as many streams from memory, which keeps more
// of it on its way. Up to three panels that are left over go one by one.
template <class Block, int kTokens>
static void multiply_streams(const MatmulArgs& a) noexcept {
  constexpr int kPanels = 4;
  constexpr size_t kAhead = 1024;  // bytes of each stream: what one core has on its way is 4 KiB
  const size_t panel_bytes = size_t{a.blocks} * Block::kBytes;
  MatmulArgs rest = a;
  for (; rest.n >= kPanels * kPanelRows; rest.n -= kPanels * kPanelRows, rest.dst += kPanels * kPanelRows) {
    const uint8_t* block = static_cast<const uint8_t*>(rest.rhs);
    rest.rhs = block + kPanels * panel_bytes;
    LhsTile<typename Block::Lhs, kTokens> lhs(a);
    __m512 total[kPanels][kTokens];
#pragma GCC unroll 4
    for (int p = 0; p < kPanels; ++p)
#pragma GCC unroll 4
      for (int t = 0; t < kTokens; ++t) total[p][t] = _mm512_setzero_ps();
    for (uint32_t b = 0; b < a.blocks; ++b, block += Block::kBytes, lhs.advance()) {
#pragma GCC unroll 4
      for (int p = 0; p < kPanels; ++p) {
        const uint8_t* at = block + static_cast<size_t>(p) * panel_bytes;
        for (size_t line = 0; line < Block::kBytes; line += 64)
          _mm_prefetch(reinterpret_cast<const char*>(at) + kAhead + line, _MM_HINT_T0);
        add_group<Block, kTokens>(at, lhs, total[p]);
      }
    }
#pragma GCC unroll 4
    for (int p = 0; p < kPanels; ++p)
#pragma GCC unroll 4
      for (int t = 0; t < kTokens; ++t)
        _mm512_storeu_ps(dst_row(rest, static_cast<uint32_t>(t), static_cast<uint32_t>(p) * kPanelRows), total[p][t]);
  }
  if (rest.n != 0) multiply_panels<Block, kTokens>(rest);
}

// 1 to kMr tokens. kRow: the row of matmul.inc for one.
template <class Block, int kMr, MatmulFn kRow>
[[maybe_unused]] static void multiply_tile(const MatmulArgs& a) noexcept {
  if constexpr (kMr == 1) {
    kRow(a);
  } else if (a.m < static_cast<uint32_t>(kMr)) {
    multiply_tile<Block, smaller_tile(kMr), kRow>(a);
  } else {
    if constexpr (kMr <= 4) {
      multiply_streams<Block, kMr>(a);
    } else {
      multiply_panels<Block, kMr>(a);
    }
    if (a.m > static_cast<uint32_t>(kMr)) multiply_tile<Block, smaller_tile(kMr), kRow>(without_rows(a, kMr));
  }
}

}  // namespace
}  // namespace runnel
