// Sixteen 32-bit integers to 16 or 8 bits, in what every CPU of an architecture has: no dispatch. The integers must
// fit: what does not would differ between architectures.
#pragma once

#include <stdint.h>

#include "kernels/simd/vec4.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace runnel {
namespace {

struct Int16 {
  Int4 v[4];
};

static inline void store_narrow(const Int16& x, int16_t* out) noexcept {
#if defined(__SSE2__)
  for (int i = 0; i < 2; ++i) {
    const __m128i low = __builtin_bit_cast(__m128i, x.v[2 * i]), high = __builtin_bit_cast(__m128i, x.v[2 * i + 1]);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + 8 * i), _mm_packs_epi32(low, high));
  }
#elif defined(__aarch64__)
  for (int i = 0; i < 4; ++i) vst1_s16(out + 4 * i, vmovn_s32(__builtin_bit_cast(int32x4_t, x.v[i])));
#else
  for (int i = 0; i < 16; ++i) out[i] = static_cast<int16_t>(x.v[i / 4][i % 4]);
#endif
}

static inline void store_narrow(const Int16& x, int8_t* out) noexcept {
#if defined(__SSE2__)
  __m128i pairs[2];
  for (int i = 0; i < 2; ++i)
    pairs[i] = _mm_packs_epi32(__builtin_bit_cast(__m128i, x.v[2 * i]), __builtin_bit_cast(__m128i, x.v[2 * i + 1]));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out), _mm_packs_epi16(pairs[0], pairs[1]));
#elif defined(__aarch64__)
  int16x8_t pairs[2];
  for (int i = 0; i < 2; ++i)
    pairs[i] = vcombine_s16(vmovn_s32(__builtin_bit_cast(int32x4_t, x.v[2 * i])),
                            vmovn_s32(__builtin_bit_cast(int32x4_t, x.v[2 * i + 1])));
  vst1q_s8(out, vcombine_s8(vmovn_s16(pairs[0]), vmovn_s16(pairs[1])));
#else
  for (int i = 0; i < 16; ++i) out[i] = static_cast<int8_t>(x.v[i / 4][i % 4]);
#endif
}

}  // namespace
}  // namespace runnel
