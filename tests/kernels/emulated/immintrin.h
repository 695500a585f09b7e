// Stands in for <immintrin.h> where rows of wider x86 instruction sets are compiled a second time, for a plain x86-64
// CPU: SIMDe defines the intrinsics' names by portable code. What its packaged version lacks is added here, each by its
// definition in Intel's manual, lane by lane.
#pragma once

#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx2.h>
#include <simde/x86/avx512.h>
#include <simde/x86/f16c.h>
#include <simde/x86/fma.h>

#include <cstdint>
#include <cstring>

using __mmask16 = simde__mmask16;

namespace emulated {

template <class To, class From, class Fn, int kLanes, class ToLane, class FromLane>
To lanes(From from, Fn fn) {
  FromLane in[kLanes];
  ToLane out[kLanes];
  std::memcpy(in, &from, sizeof(in));
  for (int i = 0; i < kLanes; ++i) out[i] = fn(in[i]);
  To to;
  std::memcpy(&to, out, sizeof(out));
  return to;
}

inline __m512 cvtepi32_ps(__m512i x) {
  const auto convert = [](int32_t v) { return static_cast<float>(v); };
  return lanes<__m512, __m512i, decltype(convert), 16, float, int32_t>(x, convert);
}
inline __m512i cvtepu16_epi32(__m256i x) {
  const auto convert = [](uint16_t v) { return static_cast<int32_t>(v); };
  return lanes<__m512i, __m256i, decltype(convert), 16, int32_t, uint16_t>(x, convert);
}
inline __m512i cvtepi8_epi32(__m128i x) {
  const auto convert = [](int8_t v) { return static_cast<int32_t>(v); };
  return lanes<__m512i, __m128i, decltype(convert), 16, int32_t, int8_t>(x, convert);
}
inline __m512i cvtps_epi32(__m512 x) {
  const auto convert = [](float v) { return static_cast<int32_t>(__builtin_nearbyintf(v)); };
  return lanes<__m512i, __m512, decltype(convert), 16, int32_t, float>(x, convert);
}
inline __m512 cvtph_ps(__m256i x) {
  float out[16];
  simde_mm256_storeu_ps(out, simde_mm256_cvtph_ps(simde_mm256_extracti128_si256(x, 0)));
  simde_mm256_storeu_ps(out + 8, simde_mm256_cvtph_ps(simde_mm256_extracti128_si256(x, 1)));
  return simde_mm512_loadu_ps(out);
}
inline __m256i cvtps_ph(__m512 x) {
  float in[16];
  simde_mm512_storeu_ps(in, x);
  const simde__m128i low = simde_mm256_cvtps_ph(simde_mm256_loadu_ps(in), SIMDE_MM_FROUND_TO_NEAREST_INT);
  const simde__m128i high = simde_mm256_cvtps_ph(simde_mm256_loadu_ps(in + 8), SIMDE_MM_FROUND_TO_NEAREST_INT);
  return simde_mm256_inserti128_si256(simde_mm256_castsi128_si256(low), high, 1);
}
inline __m512 maskz_loadu_ps(uint16_t mask, const float* p) {
  float lanes[16] = {};
  for (int i = 0; i < 16; ++i)
    if (mask >> i & 1) lanes[i] = p[i];
  return simde_mm512_loadu_ps(lanes);
}
inline void mask_storeu_ps(float* p, uint16_t mask, __m512 x) {
  float in[16];
  simde_mm512_storeu_ps(in, x);
  for (int i = 0; i < 16; ++i)
    if (mask >> i & 1) p[i] = in[i];
}

}  // namespace emulated

#define _mm512_cvtepi32_ps(x) emulated::cvtepi32_ps(x)
#define _mm512_cvtepu16_epi32(x) emulated::cvtepu16_epi32(x)
#define _mm512_cvtepi8_epi32(x) emulated::cvtepi8_epi32(x)
#define _mm512_cvtps_epi32(x) emulated::cvtps_epi32(x)
#define _mm512_cvtph_ps(x) emulated::cvtph_ps(x)
#define _mm512_cvtps_ph(x, rounding) emulated::cvtps_ph(x)
#define _mm512_maskz_loadu_ps(mask, p) emulated::maskz_loadu_ps(mask, p)
#define _mm512_mask_storeu_ps(p, mask, x) emulated::mask_storeu_ps(p, mask, x)
#undef _mm512_madd_epi16  // the package gives it four parameters
#define _mm512_madd_epi16(a, b) simde_mm512_madd_epi16(a, b)
#define _mm256_dpbusd_avx_epi32(sum, a, b) simde_mm256_dpbusd_epi32(sum, a, b)
#define _mm256_dpwssd_avx_epi32(sum, a, b) simde_mm256_dpwssd_epi32(sum, a, b)
