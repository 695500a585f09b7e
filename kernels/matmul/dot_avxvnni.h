// How AVX-VNNI multiplies and adds bytes: four unsigned by signed products into 32 bits, in one instruction.
#pragma once

#include <immintrin.h>

#include "kernels/matmul/tile_x86_256.h"

namespace runnel {
namespace {

struct DotAvxVnni {
  static __m256i add_unsigned(__m256i sum, __m256i w, __m256i q) noexcept { return _mm256_dpbusd_avx_epi32(sum, w, q); }
  static __m256i finish_unsigned(__m256i sum) noexcept { return sum; }

  // Signed weights become unsigned ones that are 128 too large; the activations' sum takes that back.
  static __m256i add_signed(__m256i sum, __m256i w, __m256i q) noexcept {
    return _mm256_dpbusd_avx_epi32(sum, _mm256_xor_si256(w, _mm256_set1_epi8(-128)), q);
  }
  static constexpr bool kSignedOffset = true;

  static __m256i add_pairs(__m256i sum, __m256i w, __m256i q) noexcept { return _mm256_dpwssd_avx_epi32(sum, w, q); }
};

}  // namespace
}  // namespace runnel
