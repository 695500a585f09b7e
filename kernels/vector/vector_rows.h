// The functions of vector.h as templates over the instruction set's F32x16 (include f32x16_<isa>.h first), and the
// table made of them.
#pragma once

#include <stdint.h>

#include "kernels/simd/f32x16_math.h"
#include "kernels/vector/probability_row.h"
#include "kernels/vector/vector.h"

namespace runnel {
namespace {

// out[i] = fn(x[i]), 16 lanes at a time.
template <class Fn>
static void map_row(const float* x, uint32_t n, float* out, const Fn& fn) noexcept {
  uint32_t i = 0;
  for (; i + 16 <= n; i += 16) fn(F32x16::load(x + i)).store(out + i);
  if (i < n) store_part(fn(load_part(x + i, n - i)), out + i, n - i);
}
template <class Fn>
static void map_rows(const float* a, const float* b, uint32_t n, float* out, const Fn& fn) noexcept {
  uint32_t i = 0;
  for (; i + 16 <= n; i += 16) fn(F32x16::load(a + i), F32x16::load(b + i)).store(out + i);
  if (i < n) store_part(fn(load_part(a + i, n - i), load_part(b + i, n - i)), out + i, n - i);
}

// Sum of fn(x) over the row. fn(padding) must be 0 where padding = `fill`.
template <class Fn>
static float sum_row(const float* x, uint32_t n, float fill, const Fn& fn) noexcept {
  F32x16 sum = F32x16::set1(0);
  uint32_t i = 0;
  for (; i + 16 <= n; i += 16) sum = fn(F32x16::load(x + i), sum);
  if (i < n) sum = fn(load_part(x + i, n - i, fill), sum);
  return sum.reduce_add();
}

[[gnu::always_inline]] static inline F32x16 sigmoid(F32x16 x) noexcept {
  const F32x16 one = F32x16::set1(1);
  return one / (one + exp16(F32x16::set1(0) - x));
}
// tanh(x) = 1 - 2 / (e^2x + 1); near 0, where that loses digits, a series.
static F32x16 tanh16(F32x16 x) noexcept {
  const F32x16 one = F32x16::set1(1), zero = F32x16::set1(0);
  const F32x16 a = F32x16::max(x, zero - x);
  const F32x16 far = one - F32x16::set1(2) / (exp16(a + a) + one);
  const F32x16 small = F32x16::min(a, F32x16::set1(0.3f)), s = small * small;
  F32x16 p = F32x16::set1(-1382.0f / 155925);
  p = F32x16::fma(p, s, F32x16::set1(62.0f / 2835));
  p = F32x16::fma(p, s, F32x16::set1(-17.0f / 315));
  p = F32x16::fma(p, s, F32x16::set1(2.0f / 15));
  p = F32x16::fma(p, s, F32x16::set1(-1.0f / 3));
  const F32x16 near = F32x16::fma(p * s, small, small);
  return F32x16::copysign(F32x16::select_less(a, F32x16::set1(0.3f), near, far), x);
}
// The error function for |x| by Abramowitz and Stegun 7.1.26: within 1.5e-7.
[[gnu::always_inline]] static inline F32x16 erf16(F32x16 x) noexcept {
  const F32x16 one = F32x16::set1(1), zero = F32x16::set1(0);
  const F32x16 a = F32x16::max(x, zero - x);
  const F32x16 t = one / F32x16::fma(F32x16::set1(0.3275911f), a, one);
  F32x16 p = F32x16::set1(1.061405429f);
  p = F32x16::fma(p, t, F32x16::set1(-1.453152027f));
  p = F32x16::fma(p, t, F32x16::set1(1.421413741f));
  p = F32x16::fma(p, t, F32x16::set1(-0.284496736f));
  p = F32x16::fma(p, t, F32x16::set1(0.254829592f));
  return F32x16::copysign(one - p * t * exp16(zero - a * a), x);
}
[[gnu::always_inline]] static inline F32x16 silu(F32x16 x) noexcept { return x * sigmoid(x); }
[[gnu::always_inline]] static inline F32x16 gelu(F32x16 x) noexcept {
  return F32x16::set1(0.5f) * x * (F32x16::set1(1) + erf16(x * F32x16::set1(0.70710678f)));
}
// 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))), as x times a sigmoid of twice the argument.
[[gnu::always_inline]] static inline F32x16 gelu_tanh(F32x16 x) noexcept {
  const F32x16 cubic = F32x16::fma(F32x16::set1(0.044715f) * x * x, x, x);
  return x * sigmoid(F32x16::set1(1.5957691f) * cubic);
}
[[gnu::always_inline]] static inline F32x16 relu(F32x16 x) noexcept { return F32x16::max(x, F32x16::set1(0)); }

template <F32x16 (*kFn)(F32x16) noexcept>
static void activation_row(const float* x, uint32_t n, float* out) noexcept {
  map_row(x, n, out, [](F32x16 v) { return kFn(v); });
}
template <F32x16 (*kFn)(F32x16) noexcept>
static void gated_row(const float* gate, const float* up, uint32_t n, float* out) noexcept {
  map_rows(gate, up, n, out, [](F32x16 g, F32x16 u) { return kFn(g) * u; });
}

static void rms_norm_row(const float* x, const float* weight, float epsilon, uint32_t n, float* out) noexcept {
  const float squares = sum_row(x, n, 0, [](F32x16 v, F32x16 sum) { return F32x16::fma(v, v, sum); });
  const F32x16 factor = F32x16::set1(1.0f / __builtin_sqrtf(squares / static_cast<float>(n) + epsilon));
  if (weight == nullptr) return map_row(x, n, out, [factor](F32x16 v) { return v * factor; });
  map_rows(x, weight, n, out, [factor](F32x16 v, F32x16 w) { return v * factor * w; });
}

static void layer_norm_row(const float* x, const float* weight, const float* bias, float epsilon, uint32_t n,
                           float* out) noexcept {
  const float mean = sum_row(x, n, 0, [](F32x16 v, F32x16 sum) { return sum + v; }) / static_cast<float>(n);
  const F32x16 m = F32x16::set1(mean);
  const float squares = sum_row(x, n, mean, [m](F32x16 v, F32x16 sum) { return F32x16::fma(v - m, v - m, sum); });
  const F32x16 factor = F32x16::set1(1.0f / __builtin_sqrtf(squares / static_cast<float>(n) + epsilon));
  map_row(x, n, out, [m, factor](F32x16 v) { return (v - m) * factor; });
  if (weight != nullptr) map_rows(out, weight, n, out, [](F32x16 v, F32x16 w) { return v * w; });
  if (bias != nullptr) map_rows(out, bias, n, out, [](F32x16 v, F32x16 b) { return v + b; });
}

static void add_row(const float* a, const float* b, uint32_t n, float* out) noexcept {
  map_rows(a, b, n, out, [](F32x16 x, F32x16 y) { return x + y; });
}
static void mul_row(const float* a, const float* b, uint32_t n, float* out) noexcept {
  map_rows(a, b, n, out, [](F32x16 x, F32x16 y) { return x * y; });
}
static void scale_row(const float* x, float factor, uint32_t n, float* out) noexcept {
  const F32x16 f = F32x16::set1(factor);
  map_row(x, n, out, [f](F32x16 v) { return v * f; });
}
static void soft_cap_row(const float* x, float cap, uint32_t n, float* out) noexcept {
  const F32x16 c = F32x16::set1(cap), inverse = F32x16::set1(1.0f / cap);
  map_row(x, n, out, [c, inverse](F32x16 v) { return c * tanh16(v * inverse); });
}

static void softmax_row(const float* x, uint32_t n, float* out) noexcept {
  constexpr float kLowest = -__builtin_inff();
  F32x16 highest = F32x16::set1(kLowest);
  uint32_t i = 0;
  for (; i + 16 <= n; i += 16) highest = F32x16::max(highest, F32x16::load(x + i));
  if (i < n) highest = F32x16::max(highest, load_part(x + i, n - i, kLowest));
  const F32x16 maximum = F32x16::set1(highest.reduce_max());
  // What exp16 clamps is as good as 0: true zeros let masked lanes stay out of later sums.
  const F32x16 floor = F32x16::set1(-87.0f);
  map_row(x, n, out, [maximum, floor](F32x16 v) {
    return F32x16::select_less(v - maximum, floor, F32x16::set1(0), exp16(v - maximum));
  });
  const float sum = sum_row(out, n, 0, [](F32x16 v, F32x16 total) { return total + v; });
  scale_row(out, 1.0f / sum, n, out);
}

static void rope_neox_row(float* x, const float* cosine, const float* sine, uint32_t half) noexcept {
  uint32_t i = 0;
  for (; i + 16 <= half; i += 16) {
    const F32x16 a = F32x16::load(x + i), b = F32x16::load(x + half + i);
    const F32x16 c = F32x16::load(cosine + i), s = F32x16::load(sine + i);
    (a * c - b * s).store(x + i);
    (b * c + a * s).store(x + half + i);
  }
  for (; i < half; ++i) {
    const float a = x[i], b = x[half + i];
    x[i] = a * cosine[i] - b * sine[i];
    x[half + i] = b * cosine[i] + a * sine[i];
  }
}
static void rope_interleaved_row(float* x, const float* cosine, const float* sine, uint32_t half) noexcept {
  for (uint32_t i = 0; i < half; ++i) {
    const float a = x[2 * i], b = x[2 * i + 1];
    x[2 * i] = a * cosine[i] - b * sine[i];
    x[2 * i + 1] = b * cosine[i] + a * sine[i];
  }
}

static void f32_to_f16_row(const float* x, uint32_t n, uint16_t* out) noexcept {
  const F32x16 largest = F32x16::set1(65504.0f), lowest = F32x16::set1(-65504.0f);
  uint32_t i = 0;
  for (; i + 16 <= n; i += 16) F32x16::max(F32x16::min(F32x16::load(x + i), largest), lowest).store_f16(out + i);
  if (i < n) store_part_f16(F32x16::max(F32x16::min(load_part(x + i, n - i), largest), lowest), out + i, n - i);
}
static void f16_to_f32_row(const uint16_t* x, uint32_t n, float* out) noexcept {
  uint32_t i = 0;
  for (; i + 16 <= n; i += 16) F32x16::load_f16(x + i).store(out + i);
  if (i < n) store_part(load_part_f16(x + i, n - i), out + i, n - i);
}

constexpr VectorOps vector_table(const char* name, Isa isa) noexcept {
  return {.name = name,
          .isa = isa,
          .rms_norm_row = rms_norm_row,
          .layer_norm_row = layer_norm_row,
          .silu_row = activation_row<silu>,
          .gelu_row = activation_row<gelu>,
          .gelu_tanh_row = activation_row<gelu_tanh>,
          .relu_row = activation_row<relu>,
          .silu_mul_row = gated_row<silu>,
          .gelu_mul_row = gated_row<gelu>,
          .gelu_tanh_mul_row = gated_row<gelu_tanh>,
          .relu_mul_row = gated_row<relu>,
          .add_row = add_row,
          .mul_row = mul_row,
          .scale_row = scale_row,
          .soft_cap_row = soft_cap_row,
          .softmax_row = softmax_row,
          .probability_row = probability_row,
          .rope_neox_row = rope_neox_row,
          .rope_interleaved_row = rope_interleaved_row,
          .f32_to_f16_row = f32_to_f16_row,
          .f16_to_f32_row = f16_to_f32_row};
}

}  // namespace
}  // namespace runnel
