// Quantised activations times 4- and 8-bit panels with AVX-512 VNNI: a panel's 16 rows are the 16 lanes of one
// register, and one instruction multiplies four bytes of each with a broadcast of one token's four activations and adds
// them.
//
// A tile is one panel times kTokens rows: with 8 tokens 8 integer and 8 float sums stay in registers, and 8 independent
// chains cover the instruction's latency. Signed weights are taken as unsigned ones that are 128 too large; that, and
// the 8 that a nibble is too large, comes off through the activations' sums. Groups are added as in tile_x86_256.h:
// the same bits.
#pragma once

#include <immintrin.h>

#include "kernels/matmul/packed_blocks.h"

namespace runnel {
namespace {

static __m512i load512(const uint8_t* p) noexcept { return _mm512_loadu_si512(p); }
static __m512i broadcast_word(const void* p) noexcept {
  int32_t word;
  __builtin_memcpy(&word, p, sizeof(word));
  return _mm512_set1_epi32(word);
}
static __m512 load_halves(const uint8_t* p) noexcept {
  return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
}

// Bytes times 16-bit activations: a row's 4 k as two pairs of 16-bit integers in its lane.
template <int kTokens>
static void dot_group_wide(const uint8_t* vectors, const LhsRow<int16_t>* lhs, uint32_t b, __m512i* dots) noexcept {
  constexpr char kNone = -1;  // a zero byte, which the shift drops
  const __m512i first = _mm512_broadcast_i32x4(_mm_setr_epi8(kNone, 0, kNone, 1, kNone, 4, kNone, 5,  //
                                                             kNone, 8, kNone, 9, kNone, 12, kNone, 13));
  const __m512i second = _mm512_broadcast_i32x4(_mm_setr_epi8(kNone, 2, kNone, 3, kNone, 6, kNone, 7,  //
                                                              kNone, 10, kNone, 11, kNone, 14, kNone, 15));
  for (int t = 0; t < kTokens; ++t) dots[t] = _mm512_setzero_si512();
  for (int j = 0; j < 8; ++j) {
    const __m512i w = load512(vectors + 64 * j);
    const __m512i pairs[2] = {_mm512_srai_epi16(_mm512_shuffle_epi8(w, first), 8),
                              _mm512_srai_epi16(_mm512_shuffle_epi8(w, second), 8)};
    for (int t = 0; t < kTokens; ++t) {
      const int16_t* q = lhs[t].q + size_t{b} * 32 + 4 * j;
      dots[t] = _mm512_dpwssd_epi32(dots[t], pairs[0], broadcast_word(q));
      dots[t] = _mm512_dpwssd_epi32(dots[t], pairs[1], broadcast_word(q + 2));
    }
  }
}

template <class Block, int kTokens>
static void dot_group(const uint8_t* vectors, const LhsRow<int8_t>* lhs, uint32_t b, __m512i* dots) noexcept {
  constexpr int kShift = Block::kNibbles ? Block::kOffsetShift : 7;
  for (int t = 0; t < kTokens; ++t) {
    dots[t] = _mm512_setzero_si512();
    if constexpr (kShift != 0)
      dots[t] = _mm512_sub_epi32(dots[t], _mm512_slli_epi32(_mm512_set1_epi32(lhs[t].sum[b]), kShift));
  }
  if constexpr (Block::kNibbles) {
    const __m512i mask = _mm512_set1_epi8(15);
    for (int j = 0; j < 4; ++j) {
      const __m512i both = load512(vectors + 64 * j);
      const __m512i low = _mm512_and_si512(both, mask);
      const __m512i high = _mm512_and_si512(_mm512_srli_epi16(both, 4), mask);
      for (int t = 0; t < kTokens; ++t) {
        const int8_t* q = lhs[t].q + size_t{b} * 32 + 4 * j;
        dots[t] = _mm512_dpbusd_epi32(dots[t], low, broadcast_word(q));
        dots[t] = _mm512_dpbusd_epi32(dots[t], high, broadcast_word(q + 16));
      }
    }
  } else {
    for (int j = 0; j < 8; ++j) {
      const __m512i w = _mm512_xor_si512(load512(vectors + 64 * j), _mm512_set1_epi8(-128));
      for (int t = 0; t < kTokens; ++t)
        dots[t] = _mm512_dpbusd_epi32(dots[t], w, broadcast_word(lhs[t].q + size_t{b} * 32 + 4 * j));
    }
  }
}

template <class Block, int kTokens>
static void multiply_panels(const MatmulArgs& a) noexcept {
  constexpr size_t kAhead = kTokens == 1 ? 2048 : 0;  // bytes; in a tall tile the weights are in cache
  using Lhs = typename Block::Lhs;
  LhsRow<Lhs> lhs[kTokens];
  for (int t = 0; t < kTokens; ++t) lhs[t] = lhs_row<Lhs>(a, static_cast<uint32_t>(t));
  const uint8_t* block = static_cast<const uint8_t*>(a.rhs);
  for (uint32_t column = 0; column < a.n; column += kPanelRows) {
    __m512 total[kTokens];
    for (int t = 0; t < kTokens; ++t) total[t] = _mm512_setzero_ps();
    for (uint32_t b = 0; b < a.blocks; ++b, block += Block::kBytes) {
      if constexpr (kAhead != 0) {
        for (size_t line = 0; line < Block::kBytes; line += 64)
          _mm_prefetch(reinterpret_cast<const char*>(block) + kAhead + line, _MM_HINT_T0);
      }
      __m512i dots[kTokens];
      if constexpr (sizeof(Lhs) == 2) {
        dot_group_wide<kTokens>(block + Block::kVectors, lhs, b, dots);
      } else {
        dot_group<Block, kTokens>(block + Block::kVectors, lhs, b, dots);
      }
      const __m512 scale = load_halves(block);
      for (int t = 0; t < kTokens; ++t) {
        const __m512 factor = _mm512_mul_ps(scale, _mm512_set1_ps(lhs[t].scale[b]));
        total[t] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(dots[t]), factor, total[t]);
      }
      if constexpr (Block::kMinima) {
        const __m512 minimum = load_halves(block + Block::kMinimaAt);
        for (int t = 0; t < kTokens; ++t) {
          const float sum = lhs[t].scale[b] * static_cast<float>(lhs[t].sum[b]);
          total[t] = _mm512_fmadd_ps(minimum, _mm512_set1_ps(sum), total[t]);
        }
      }
    }
    const uint32_t columns = a.n - column < kPanelRows ? a.n - column : kPanelRows;
    const __mmask16 lanes = static_cast<__mmask16>((1u << columns) - 1u);
    for (int t = 0; t < kTokens; ++t)
      _mm512_mask_storeu_ps(dst_row(a, static_cast<uint32_t>(t), column), lanes, total[t]);
  }
}

// 1 to kMr tokens.
template <class Block, int kMr>
static void multiply_tile(const MatmulArgs& a) noexcept {
  if constexpr (kMr > 1) {
    if (a.m < static_cast<uint32_t>(kMr)) return multiply_tile<Block, kMr - 1>(a);
  }
  multiply_panels<Block, kMr>(a);
}

}  // namespace
}  // namespace runnel
