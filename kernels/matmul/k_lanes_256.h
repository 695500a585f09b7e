// Lanes of tile_k.h in 256-bit registers: two of 8 rows a panel.
#pragma once

#include <immintrin.h>

#include "kernels/dtypes/iq4_levels.h"
#include "kernels/matmul/tile_k.h"

namespace runnel {
namespace {

struct KLanes256 {
  typedef uint32_t U __attribute__((vector_size(32)));
  typedef int32_t I __attribute__((vector_size(32)));
  typedef float F __attribute__((vector_size(32)));
  using Q = __m256i;
  static constexpr int kParts = 2;

  static __m256i bits(U x) noexcept { return __builtin_bit_cast(__m256i, x); }
  static __m256i bits(I x) noexcept { return __builtin_bit_cast(__m256i, x); }
  static I as_signed(U x) noexcept { return __builtin_bit_cast(I, x); }
  static Q broadcast(const int8_t* q) noexcept {
    int32_t word;
    __builtin_memcpy(&word, q, sizeof(word));
    return _mm256_set1_epi32(word);
  }
  static I pair_dot(U pairs, const int16_t* halves) noexcept {
    int32_t word;
    __builtin_memcpy(&word, halves, sizeof(word));
    return __builtin_bit_cast(I, _mm256_madd_epi16(bits(pairs), _mm256_set1_epi32(word)));
  }
  // As signed bytes.
  static U levels(U indices) noexcept {
    const __m256i table = _mm256_broadcastsi128_si256(_mm_load_si128(reinterpret_cast<const __m128i*>(kIq4Levels)));
    return __builtin_bit_cast(U, _mm256_shuffle_epi8(table, bits(indices)));
  }
  static F to_float(I x) noexcept { return __builtin_bit_cast(F, _mm256_cvtepi32_ps(bits(x))); }
  static F load_halves(const uint8_t* p, int part) noexcept {
    return __builtin_bit_cast(F, _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p + 16 * part))));
  }
  static F splat(float x) noexcept { return __builtin_bit_cast(F, _mm256_set1_ps(x)); }
  static F fma(F a, F b, F c) noexcept {
    return __builtin_bit_cast(F, _mm256_fmadd_ps(__builtin_bit_cast(__m256, a), __builtin_bit_cast(__m256, b),
                                                 __builtin_bit_cast(__m256, c)));
  }
};

}  // namespace
}  // namespace runnel
