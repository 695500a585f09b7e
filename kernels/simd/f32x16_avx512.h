// Sixteen floats in one 512-bit register. See f32x16_scalar.h for what each operation means.
#pragma once

#include <immintrin.h>
#include <stdint.h>

namespace runnel {
namespace {

// Four floats, each of which is to multiply a whole register: where they lie, since memory gives them to all lanes.
using Four = const float*;
[[maybe_unused]] static inline Four load_four(const float* p) noexcept { return p; }

struct F32x16 {
  __m512 v;

  static F32x16 set1(float x) noexcept { return {_mm512_set1_ps(x)}; }
  static F32x16 load(const float* p) noexcept { return {_mm512_loadu_ps(p)}; }
  static F32x16 load_f16(const uint16_t* p) noexcept { return {_mm512_cvtph_ps(load_16(p))}; }
  static F32x16 load_i8(const int8_t* p) noexcept {
    return from_i8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  }
  template <int kHalf>
  static F32x16 load_levels(const uint8_t* p, const int8_t* levels) noexcept {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    const __m128i index = _mm_and_si128(kHalf == 0 ? bytes : _mm_srli_epi16(bytes, 4), _mm_set1_epi8(15));
    return from_i8(_mm_shuffle_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(levels)), index));
  }
  static F32x16 load_bf16(const uint16_t* p) noexcept {
    return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(load_16(p)), 16))};
  }
  void store(float* p) const noexcept { _mm512_storeu_ps(p, v); }
  void store_f16(uint16_t* p) const noexcept {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
  }

  friend F32x16 operator+(F32x16 a, F32x16 b) noexcept { return {_mm512_add_ps(a.v, b.v)}; }
  friend F32x16 operator-(F32x16 a, F32x16 b) noexcept { return {_mm512_sub_ps(a.v, b.v)}; }
  friend F32x16 operator*(F32x16 a, F32x16 b) noexcept { return {_mm512_mul_ps(a.v, b.v)}; }
  friend F32x16 operator/(F32x16 a, F32x16 b) noexcept { return {_mm512_div_ps(a.v, b.v)}; }
  static F32x16 fma(F32x16 a, F32x16 b, F32x16 c) noexcept { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
  template <int kLane>
  static F32x16 fma_lane(Four a, F32x16 b, F32x16 c) noexcept {
    return fma(set1(a[kLane]), b, c);
  }
  static F32x16 min(F32x16 a, F32x16 b) noexcept { return {_mm512_min_ps(a.v, b.v)}; }
  static F32x16 max(F32x16 a, F32x16 b) noexcept { return {_mm512_max_ps(a.v, b.v)}; }
  static F32x16 round(F32x16 a) noexcept { return {_mm512_roundscale_ps(a.v, _MM_FROUND_TO_NEAREST_INT)}; }
  static F32x16 pow2(F32x16 n) noexcept {
    const __m512i biased = _mm512_add_epi32(_mm512_cvtps_epi32(n.v), _mm512_set1_epi32(127));
    return {_mm512_castsi512_ps(_mm512_slli_epi32(biased, 23))};
  }
  static F32x16 keep(F32x16 a, int begin, int end, float other) noexcept {
    const uint32_t below_end = end >= 16 ? 0xffffu : (1u << end) - 1u;
    const uint32_t below_begin = begin >= 16 ? 0xffffu : (1u << begin) - 1u;
    return {_mm512_mask_mov_ps(_mm512_set1_ps(other), static_cast<__mmask16>(below_end & ~below_begin), a.v)};
  }
  static F32x16 select_less(F32x16 x, F32x16 limit, F32x16 a, F32x16 b) noexcept {
    return {_mm512_mask_mov_ps(b.v, _mm512_cmp_ps_mask(x.v, limit.v, _CMP_LT_OQ), a.v)};
  }
  static F32x16 copysign(F32x16 magnitude, F32x16 sign) noexcept {
    const __m512i bit = _mm512_set1_epi32(INT32_MIN);
    return {_mm512_castsi512_ps(_mm512_or_si512(_mm512_andnot_si512(bit, _mm512_castps_si512(magnitude.v)),
                                                _mm512_and_si512(bit, _mm512_castps_si512(sign.v))))};
  }
  float reduce_add() const noexcept {
    const __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(v), upper(v));
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    four = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(four, _mm_movehdup_ps(four)));
  }
  float reduce_max() const noexcept {
    const __m256 eight = _mm256_max_ps(_mm512_castps512_ps256(v), upper(v));
    __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    four = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(four, _mm_movehdup_ps(four)));
  }

 private:
  static F32x16 from_i8(__m128i x) noexcept { return {_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(x))}; }
  static __m256i load_16(const uint16_t* p) noexcept { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }
  static __m256 upper(__m512 x) noexcept { return _mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(x), 1)); }
};

inline constexpr int kTileRows = 8;  // 8 chains of two-per-cycle FMAs with 4 cycles latency
inline constexpr int kDoubles = 8;   // of a register

}  // namespace
}  // namespace runnel
