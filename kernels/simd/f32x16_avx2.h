// Sixteen floats in two 256-bit registers (AVX2, FMA, F16C). See f32x16_scalar.h for what each operation means.
#pragma once

#include <immintrin.h>
#include <stdint.h>

namespace runnel {
namespace {

// Four floats, each of which is to multiply a whole register: where they lie, since memory gives them to all lanes.
using Four = const float*;
[[maybe_unused]] static inline Four load_four(const float* p) noexcept { return p; }

struct F32x16 {
  __m256 lo, hi;

  static F32x16 set1(float x) noexcept { return {_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
  static F32x16 load(const float* p) noexcept { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
  static F32x16 load_f16(const uint16_t* p) noexcept {
    return {_mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))),
            _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p + 8)))};
  }
  static F32x16 load_i8(const int8_t* p) noexcept {
    return from_i8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  }
  template <int kHalf>
  static F32x16 load_levels(const uint8_t* p, const int8_t* levels) noexcept {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    const __m128i index = _mm_and_si128(kHalf == 0 ? bytes : _mm_srli_epi16(bytes, 4), _mm_set1_epi8(15));
    return from_i8(_mm_shuffle_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(levels)), index));
  }
  static F32x16 load_bf16(const uint16_t* p) noexcept { return {widen_bf16(p), widen_bf16(p + 8)}; }
  void store(float* p) const noexcept {
    _mm256_storeu_ps(p, lo);
    _mm256_storeu_ps(p + 8, hi);
  }
  void store_f16(uint16_t* p) const noexcept {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm256_cvtps_ph(lo, _MM_FROUND_TO_NEAREST_INT));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p + 8), _mm256_cvtps_ph(hi, _MM_FROUND_TO_NEAREST_INT));
  }

  friend F32x16 operator+(F32x16 a, F32x16 b) noexcept {
    return {_mm256_add_ps(a.lo, b.lo), _mm256_add_ps(a.hi, b.hi)};
  }
  friend F32x16 operator-(F32x16 a, F32x16 b) noexcept {
    return {_mm256_sub_ps(a.lo, b.lo), _mm256_sub_ps(a.hi, b.hi)};
  }
  friend F32x16 operator*(F32x16 a, F32x16 b) noexcept {
    return {_mm256_mul_ps(a.lo, b.lo), _mm256_mul_ps(a.hi, b.hi)};
  }
  friend F32x16 operator/(F32x16 a, F32x16 b) noexcept {
    return {_mm256_div_ps(a.lo, b.lo), _mm256_div_ps(a.hi, b.hi)};
  }
  static F32x16 fma(F32x16 a, F32x16 b, F32x16 c) noexcept {
    return {_mm256_fmadd_ps(a.lo, b.lo, c.lo), _mm256_fmadd_ps(a.hi, b.hi, c.hi)};
  }
  template <int kLane>
  static F32x16 fma_lane(Four a, F32x16 b, F32x16 c) noexcept {
    return fma(set1(a[kLane]), b, c);
  }
  static F32x16 min(F32x16 a, F32x16 b) noexcept { return {_mm256_min_ps(a.lo, b.lo), _mm256_min_ps(a.hi, b.hi)}; }
  static F32x16 max(F32x16 a, F32x16 b) noexcept { return {_mm256_max_ps(a.lo, b.lo), _mm256_max_ps(a.hi, b.hi)}; }
  static F32x16 round(F32x16 a) noexcept {
    constexpr int kNearest = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
    return {_mm256_round_ps(a.lo, kNearest), _mm256_round_ps(a.hi, kNearest)};
  }
  static F32x16 pow2(F32x16 n) noexcept { return {pow2_8(n.lo), pow2_8(n.hi)}; }
  static F32x16 keep(F32x16 a, int begin, int end, float other) noexcept {
    const __m256 rest = _mm256_set1_ps(other);
    const __m256i first = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    const __m256i second = _mm256_add_epi32(first, _mm256_set1_epi32(8));
    return {_mm256_blendv_ps(rest, a.lo, inside(first, begin, end)),
            _mm256_blendv_ps(rest, a.hi, inside(second, begin, end))};
  }
  static F32x16 select_less(F32x16 x, F32x16 limit, F32x16 a, F32x16 b) noexcept {
    return {_mm256_blendv_ps(b.lo, a.lo, _mm256_cmp_ps(x.lo, limit.lo, _CMP_LT_OQ)),
            _mm256_blendv_ps(b.hi, a.hi, _mm256_cmp_ps(x.hi, limit.hi, _CMP_LT_OQ))};
  }
  static F32x16 copysign(F32x16 magnitude, F32x16 sign) noexcept {
    const __m256 bit = _mm256_set1_ps(-0.0f);
    return {_mm256_or_ps(_mm256_andnot_ps(bit, magnitude.lo), _mm256_and_ps(bit, sign.lo)),
            _mm256_or_ps(_mm256_andnot_ps(bit, magnitude.hi), _mm256_and_ps(bit, sign.hi))};
  }
  float reduce_add() const noexcept {
    const __m256 eight = _mm256_add_ps(lo, hi);
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    four = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(four, _mm_movehdup_ps(four)));
  }
  float reduce_max() const noexcept {
    const __m256 eight = _mm256_max_ps(lo, hi);
    __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    four = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(four, _mm_movehdup_ps(four)));
  }

 private:
  static F32x16 from_i8(__m128i x) noexcept {
    return {_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(x)),
            _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_srli_si128(x, 8)))};
  }
  static __m256 widen_bf16(const uint16_t* p) noexcept {
    const __m256i wide = _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
    return _mm256_castsi256_ps(_mm256_slli_epi32(wide, 16));
  }
  static __m256 pow2_8(__m256 n) noexcept {
    const __m256i biased = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));
    return _mm256_castsi256_ps(_mm256_slli_epi32(biased, 23));
  }
  static __m256 inside(__m256i index, int begin, int end) noexcept {
    const __m256i before = _mm256_cmpgt_epi32(_mm256_set1_epi32(begin), index);
    return _mm256_castsi256_ps(_mm256_andnot_si256(before, _mm256_cmpgt_epi32(_mm256_set1_epi32(end), index)));
  }
};

inline constexpr int kTileRows = 4;  // 8 accumulators, 2 operands, and room for broadcasts
inline constexpr int kDoubles = 4;   // of a register

}  // namespace
}  // namespace runnel
