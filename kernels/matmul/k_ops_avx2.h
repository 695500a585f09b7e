// tile_k.h with AVX2: byte products summed in 16 bits.
#pragma once

#include "kernels/matmul/k_lanes_256.h"

namespace runnel {
namespace {

struct KOpsAvx2 : KLanes256 {
  typedef int16_t S __attribute__((vector_size(32)));
  static constexpr bool kSums16 = true;
  static constexpr int kLevelsOffset = 0;

  // Signed weights, as |w| times q with w's sign: a pair is at most 2 * 127 * 127.
  static I dot(I sum, U w, Q q) noexcept {
    const __m256i pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(bits(w)), _mm256_sign_epi8(q, bits(w)));
    sum += __builtin_bit_cast(I, _mm256_madd_epi16(pairs, bits(ones())));
    __asm__("" : "+x"(sum));
    return sum;
  }
  static U ones() noexcept { return U{} + 0x00010001u; }
  static S multiply(U w, Q q) noexcept { return __builtin_bit_cast(S, _mm256_maddubs_epi16(bits(w), q)); }
  // In order: see dot_avx2.h.
  static S add(S sum, U w, Q q) noexcept {
    sum += multiply(w, q);
    __asm__("" : "+x"(sum));
    return sum;
  }
  static I join(I sum, S products, U scales) noexcept {
    sum += __builtin_bit_cast(I, _mm256_madd_epi16(__builtin_bit_cast(__m256i, products), bits(scales)));
    __asm__("" : "+x"(sum));
    return sum;
  }
};

}  // namespace
}  // namespace runnel
