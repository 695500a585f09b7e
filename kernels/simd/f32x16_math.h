// Functions of sixteen floats, for kernels that include one of f32x16_<isa>.h before this file. The same operations in
// the same order on every instruction set; only the fused multiply-add of plain C++ rounds twice.
#pragma once

#include <stdint.h>

namespace runnel {
namespace {

// e^x within 2 units in the last place for x in [-87.3, 88]; arguments beyond are clamped there, so that the result is
// always a finite normal number (NaN gives no defined value).
[[maybe_unused]] static inline F32x16 exp16(F32x16 x) noexcept {
  x = F32x16::min(F32x16::max(x, F32x16::set1(-87.3f)), F32x16::set1(88.0f));
  const F32x16 n = F32x16::round(x * F32x16::set1(0x1.715476p0f));  // x / ln 2
  // x - n ln 2, ln 2 in two parts of which the first has 10 zero bits at its end: n times it is exact.
  F32x16 r = F32x16::fma(n, F32x16::set1(-0x1.62e4p-1f), x);
  r = F32x16::fma(n, F32x16::set1(-0x1.7f7d1cp-20f), r);
  // Taylor's series of e^r for |r| <= ln(2) / 2: the first term left out is below 2^-27 of the sum.
  F32x16 p = F32x16::set1(1.0f / 5040);
  p = F32x16::fma(p, r, F32x16::set1(1.0f / 720));
  p = F32x16::fma(p, r, F32x16::set1(1.0f / 120));
  p = F32x16::fma(p, r, F32x16::set1(1.0f / 24));
  p = F32x16::fma(p, r, F32x16::set1(1.0f / 6));
  p = F32x16::fma(p, r, F32x16::set1(0.5f));
  p = F32x16::fma(p, r, F32x16::set1(1.0f));
  p = F32x16::fma(p, r, F32x16::set1(1.0f));
  return p * F32x16::pow2(n);
}

// e^x for x <= 0 within 4 units in the last place, and 1 at 0: cheaper, for softmax. Clamped below as above.
[[maybe_unused]] static inline F32x16 exp16_negative(F32x16 x) noexcept {
  x = F32x16::max(x, F32x16::set1(-87.3f));
  const F32x16 n = F32x16::round(x * F32x16::set1(0x1.715476p0f));
  F32x16 r = F32x16::fma(n, F32x16::set1(-0x1.62e4p-1f), x);
  r = F32x16::fma(n, F32x16::set1(-0x1.7f7d1cp-20f), r);
  // The polynomial through six Chebyshev nodes of |r| <= ln(2) / 2, its first term made 1: within 2.1e-7.
  F32x16 p = F32x16::set1(0x1.123d9p-7f);
  p = F32x16::fma(p, r, F32x16::set1(0x1.57637ep-5f));
  p = F32x16::fma(p, r, F32x16::set1(0x1.55547cp-3f));
  p = F32x16::fma(p, r, F32x16::set1(0x1.fffd08p-2f));
  p = F32x16::fma(p, r, F32x16::set1(1.0f));
  p = F32x16::fma(p, r, F32x16::set1(1.0f));
  return p * F32x16::pow2(n);
}

// The first `count` (0..15) of 16 lanes from memory, the others `fill`; and back. Nothing beyond them is touched.
[[maybe_unused]] static inline F32x16 load_part(const float* p, uint32_t count, float fill = 0) noexcept {
  float lanes[16];
  for (uint32_t i = 0; i < 16; ++i) lanes[i] = i < count ? p[i] : fill;
  return F32x16::load(lanes);
}
[[maybe_unused]] static inline F32x16 load_part_f16(const uint16_t* p, uint32_t count) noexcept {
  uint16_t lanes[16];
  for (uint32_t i = 0; i < 16; ++i) lanes[i] = i < count ? p[i] : uint16_t{0};
  return F32x16::load_f16(lanes);
}
[[maybe_unused]] static inline void store_part(F32x16 x, float* p, uint32_t count) noexcept {
  float lanes[16];
  x.store(lanes);
  for (uint32_t i = 0; i < count; ++i) p[i] = lanes[i];
}
[[maybe_unused]] static inline void store_part_f16(F32x16 x, uint16_t* p, uint32_t count) noexcept {
  uint16_t lanes[16];
  x.store_f16(lanes);
  for (uint32_t i = 0; i < count; ++i) p[i] = lanes[i];
}

}  // namespace
}  // namespace runnel
