// Quantised activations times 4- and 8-bit panels in 256-bit registers: 8 rows of weights a register, one 32-bit lane a
// row, two registers a panel. A template over how bytes are multiplied and added (Dot: dot_avx2.h, dot_avxvnni.h).
//
// A tile is one panel times kTokens activation rows. Each vector of weights is loaded and unpacked once for all tokens;
// activations come as 4-byte broadcasts, each used by both halves of the panel. With 4 tokens the 8 integer sums, the
// unpacked weights and two broadcasts fill the 16 registers; the float sums, touched once a group, wait in first-level
// cache. With one token (decode) everything is in registers and the weights stream from memory.
//
// Each output adds its groups in ascending order, one fused multiply-add each, so that a row's bits do not depend on
// the number of tokens beside it, nor on the tile's instruction set.
#pragma once

#include <immintrin.h>

#include "kernels/matmul/packed_blocks.h"

namespace runnel {
namespace {

static __m256i load256(const uint8_t* p) noexcept { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }
static __m256i broadcast_word(const void* p) noexcept {
  int32_t word;
  __builtin_memcpy(&word, p, sizeof(word));
  return _mm256_set1_epi32(word);
}
static __m256 load_halves(const uint8_t* p) noexcept {
  return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
}

// The dot products of a panel's 16 rows with one token's group, as two registers of 32-bit integers.
struct Dots256 {
  __m256i half[2];
};

// 8 rows times 4 k of bytes as 16-bit integers, each row's in its 32-bit lane: k 0 and 1, then k 2 and 3.
struct Wide256 {
  __m256i pair[2];
};
static inline Wide256 widen(__m256i w) noexcept {
  constexpr char kNone = -1;  // a zero byte, which the shift drops
  const __m256i first = _mm256_broadcastsi128_si256(_mm_setr_epi8(kNone, 0, kNone, 1, kNone, 4, kNone, 5,  //
                                                                  kNone, 8, kNone, 9, kNone, 12, kNone, 13));
  const __m256i second = _mm256_broadcastsi128_si256(_mm_setr_epi8(kNone, 2, kNone, 3, kNone, 6, kNone, 7,  //
                                                                   kNone, 10, kNone, 11, kNone, 14, kNone, 15));
  return {{_mm256_srai_epi16(_mm256_shuffle_epi8(w, first), 8), _mm256_srai_epi16(_mm256_shuffle_epi8(w, second), 8)}};
}

// Bytes times 16-bit activations. A sum of 32 products is at most 32 * 128 * 32512 < 2^27.
template <class Dot, int kTokens>
static void dot_group_wide(const uint8_t* vectors, const LhsRow<int16_t>* lhs, uint32_t b, Dots256* dots) noexcept {
  for (int j = 0; j < 8; ++j) {
    for (int half = 0; half < 2; ++half) {
      const Wide256 w = widen(load256(vectors + 64 * j + 32 * half));
      for (int t = 0; t < kTokens; ++t) {
        const int16_t* q = lhs[t].q + size_t{b} * 32 + 4 * j;
        dots[t].half[half] = Dot::add_pairs(dots[t].half[half], w.pair[0], broadcast_word(q));
        dots[t].half[half] = Dot::add_pairs(dots[t].half[half], w.pair[1], broadcast_word(q + 2));
      }
    }
  }
}

template <class Dot, class Block, int kTokens>
static void dot_group(const uint8_t* vectors, const LhsRow<typename Block::Lhs>* lhs, uint32_t b,
                      Dots256* dots) noexcept {
  for (int t = 0; t < kTokens; ++t) dots[t].half[0] = dots[t].half[1] = _mm256_setzero_si256();
  if constexpr (sizeof(typename Block::Lhs) == 2) {
    dot_group_wide<Dot, kTokens>(vectors, lhs, b, dots);
  } else if constexpr (Block::kNibbles) {
    const __m256i mask = _mm256_set1_epi8(15);
    for (int j = 0; j < 4; ++j) {
      const __m256i first = load256(vectors + 64 * j), second = load256(vectors + 64 * j + 32);
      const __m256i low[2] = {_mm256_and_si256(first, mask), _mm256_and_si256(second, mask)};
      const __m256i high[2] = {_mm256_and_si256(_mm256_srli_epi16(first, 4), mask),
                               _mm256_and_si256(_mm256_srli_epi16(second, 4), mask)};
      for (int t = 0; t < kTokens; ++t) {
        const int8_t* q = lhs[t].q + size_t{b} * 32 + 4 * j;
        const __m256i q_low = broadcast_word(q), q_high = broadcast_word(q + 16);
        for (int half = 0; half < 2; ++half) {
          dots[t].half[half] = Dot::add_unsigned(dots[t].half[half], low[half], q_low);
          dots[t].half[half] = Dot::add_unsigned(dots[t].half[half], high[half], q_high);
        }
      }
    }
    for (int t = 0; t < kTokens; ++t)
      for (int half = 0; half < 2; ++half) dots[t].half[half] = Dot::finish_unsigned(dots[t].half[half]);
  } else {
    for (int j = 0; j < 8; ++j) {
      const __m256i w[2] = {load256(vectors + 64 * j), load256(vectors + 64 * j + 32)};
      for (int t = 0; t < kTokens; ++t) {
        const __m256i q = broadcast_word(lhs[t].q + size_t{b} * 32 + 4 * j);
        for (int half = 0; half < 2; ++half) dots[t].half[half] = Dot::add_signed(dots[t].half[half], w[half], q);
      }
    }
  }
  constexpr bool kBytesByBytes = !Block::kNibbles && sizeof(typename Block::Lhs) == 1;
  if constexpr (Block::kOffset || (kBytesByBytes && Dot::kSignedOffset)) {
    for (int t = 0; t < kTokens; ++t) {
      __m256i start = _mm256_set1_epi32(lhs[t].start[b]);
      if constexpr (kBytesByBytes) start = _mm256_slli_epi32(start, 4);
      for (int half = 0; half < 2; ++half) dots[t].half[half] = _mm256_add_epi32(dots[t].half[half], start);
    }
  }
}

static void store_row(const MatmulArgs& a, uint32_t row, uint32_t column, const __m256* total) noexcept {
  float* dst = dst_row(a, row, column);
  if (a.n - column >= kPanelRows) {
    _mm256_storeu_ps(dst, total[0]);
    _mm256_storeu_ps(dst + 8, total[1]);
    return;
  }
  float lanes[kPanelRows];
  _mm256_storeu_ps(lanes, total[0]);
  _mm256_storeu_ps(lanes + 8, total[1]);
  for (uint32_t i = 0; i < a.n - column; ++i) dst[i] = lanes[i];
}

template <class Dot, class Block, int kTokens>
static void multiply_panels(const MatmulArgs& a) noexcept {
  constexpr size_t kAhead = kTokens == 1 ? 2048 : 0;  // bytes; in a tall tile the weights are in cache
  using Lhs = typename Block::Lhs;
  LhsRow<Lhs> lhs[kTokens];
  for (int t = 0; t < kTokens; ++t) lhs[t] = lhs_row<Lhs>(a, static_cast<uint32_t>(t));
  const uint8_t* block = static_cast<const uint8_t*>(a.rhs);
  for (uint32_t column = 0; column < a.n; column += kPanelRows) {
    __m256 total[kTokens][2];
    for (int t = 0; t < kTokens; ++t) total[t][0] = total[t][1] = _mm256_setzero_ps();
    for (uint32_t b = 0; b < a.blocks; ++b, block += Block::kBytes) {
      if constexpr (kAhead != 0) {
        for (size_t line = 0; line < Block::kBytes; line += 64)
          _mm_prefetch(reinterpret_cast<const char*>(block) + kAhead + line, _MM_HINT_T0);
      }
      Dots256 dots[kTokens];
      dot_group<Dot, Block, kTokens>(block + Block::kVectors, lhs, b, dots);
      for (int half = 0; half < 2; ++half) {
        const __m256 scale = load_halves(block + 16 * half);
        for (int t = 0; t < kTokens; ++t) {
          const __m256 factor = _mm256_mul_ps(scale, _mm256_set1_ps(lhs[t].scale[b]));
          total[t][half] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(dots[t].half[half]), factor, total[t][half]);
        }
        if constexpr (Block::kMinima) {
          const __m256 minimum = load_halves(block + Block::kMinimaAt + 16 * half);
          for (int t = 0; t < kTokens; ++t)
            total[t][half] = _mm256_fmadd_ps(minimum, _mm256_set1_ps(lhs[t].weighted[b]), total[t][half]);
        }
      }
    }
    for (int t = 0; t < kTokens; ++t) store_row(a, static_cast<uint32_t>(t), column, total[t]);
  }
}

// 1 to kMr tokens. kRow: the row of matmul.inc for one.
template <class Dot, class Block, int kMr, MatmulFn kRow>
[[maybe_unused]] static void multiply_tile(const MatmulArgs& a) noexcept {
  if constexpr (kMr == 1) {
    kRow(a);
  } else if (a.m < static_cast<uint32_t>(kMr)) {
    multiply_tile<Dot, Block, kMr - 1, kRow>(a);
  } else {
    multiply_panels<Dot, Block, kMr>(a);
  }
}

}  // namespace
}  // namespace runnel
