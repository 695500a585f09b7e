// How AVX2 multiplies and adds bytes: pairs into 16 bits, pairs of those into 32.
#pragma once

#include <immintrin.h>

#include "kernels/matmul/tile_x86_256.h"

namespace runnel {
namespace {

// Keeps the compiler from turning a chain of additions into a tree: GCC 12 otherwise computes all products of a tile
// first and spills most of them (77 stores a tile of 4 tokens, a third of the kernel's time).
static __m256i in_order(__m256i sum) noexcept {
  __asm__("" : "+x"(sum));
  return sum;
}

struct DotAvx2 {
  // Weights in 0..15 times activations in -127..127, kept in 16 bits for a whole group: a lane adds 8 pairs, at most
  // 8 * 2 * 15 * 127 = 30480.
  static __m256i add_unsigned(__m256i sum, __m256i w, __m256i q) noexcept {
    return in_order(_mm256_add_epi16(sum, _mm256_maddubs_epi16(w, q)));
  }
  static __m256i finish_unsigned(__m256i sum) noexcept { return _mm256_madd_epi16(sum, _mm256_set1_epi16(1)); }

  // Weights in -128..127, as |w| times q with w's sign: a pair is at most 2 * 128 * 127 = 32512, so nothing saturates.
  static __m256i add_signed(__m256i sum, __m256i w, __m256i q) noexcept {
    const __m256i pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(w), _mm256_sign_epi8(q, w));
    return in_order(_mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1))));
  }
  static constexpr bool kSignedOffset = false;

  // 16-bit pairs.
  static __m256i add_pairs(__m256i sum, __m256i w, __m256i q) noexcept {
    return in_order(_mm256_add_epi32(sum, _mm256_madd_epi16(w, q)));
  }
};

}  // namespace
}  // namespace runnel
