// tile_k.h with AVX-512 VNNI: a panel is one register.
#pragma once

#include <immintrin.h>

#include "kernels/dtypes/iq4_levels.h"
#include "kernels/matmul/tile_k.h"

namespace runnel {
namespace {

struct KOpsAvx512Vnni {
  typedef uint32_t U __attribute__((vector_size(64)));
  typedef int32_t I __attribute__((vector_size(64)));
  typedef float F __attribute__((vector_size(64)));
  using Q = __m512i;
  static constexpr int kParts = 1;
  static constexpr bool kSums16 = false;
  static constexpr int kLevelsOffset = 128;

  static __m512i bits(U x) noexcept { return __builtin_bit_cast(__m512i, x); }
  static __m512i bits(I x) noexcept { return __builtin_bit_cast(__m512i, x); }
  static I as_signed(U x) noexcept { return __builtin_bit_cast(I, x); }
  static Q broadcast(const int8_t* q) noexcept {
    int32_t word;
    __builtin_memcpy(&word, q, sizeof(word));
    return _mm512_set1_epi32(word);
  }
  static U levels(U indices) noexcept {
    const __m512i table = _mm512_broadcast_i32x4(_mm_load_si128(reinterpret_cast<const __m128i*>(kIq4Levels)));
    return __builtin_bit_cast(U, _mm512_shuffle_epi8(_mm512_xor_si512(table, _mm512_set1_epi8(-128)), bits(indices)));
  }
  static I dot(I sum, U w, Q q) noexcept { return __builtin_bit_cast(I, _mm512_dpbusd_epi32(bits(sum), bits(w), q)); }
  static I pair_dot(U pairs, const int16_t* halves) noexcept {
    int32_t word;
    __builtin_memcpy(&word, halves, sizeof(word));
    return __builtin_bit_cast(I, _mm512_madd_epi16(bits(pairs), _mm512_set1_epi32(word)));
  }
  static F to_float(I x) noexcept { return __builtin_bit_cast(F, _mm512_cvtepi32_ps(bits(x))); }
  static F load_halves(const uint8_t* p, int) noexcept {
    return __builtin_bit_cast(F, _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))));
  }
  static F splat(float x) noexcept { return __builtin_bit_cast(F, _mm512_set1_ps(x)); }
  static F fma(F a, F b, F c) noexcept {
    return __builtin_bit_cast(F, _mm512_fmadd_ps(__builtin_bit_cast(__m512, a), __builtin_bit_cast(__m512, b),
                                                 __builtin_bit_cast(__m512, c)));
  }
};

}  // namespace
}  // namespace runnel
