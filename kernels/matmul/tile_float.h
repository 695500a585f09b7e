// float32 activations times panels of float values, 16 rows of weights at a time (include f32x16_<isa>.h first).
//
// Panels are k-major: one load gives the weights of 16 rows at one k, each token brings a broadcast. A tall tile holds
// kTokens sums; a single row takes kPanels panels side by side instead, since one chain of additions would wait for its
// own latency. Every output adds its products in ascending k.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "kernels/matmul/matmul.h"
#include "kernels/simd/f32x16_math.h"

namespace runnel {
namespace {

inline constexpr uint32_t kPanelRows = 16;

struct F32Values {
  using Value = float;
  static F32x16 load(const float* p) noexcept { return F32x16::load(p); }
};
struct F16Values {
  using Value = uint16_t;
  static F32x16 load(const uint16_t* p) noexcept { return F32x16::load_f16(p); }
};
struct Bf16Values {
  using Value = uint16_t;
  static F32x16 load(const uint16_t* p) noexcept { return F32x16::load_bf16(p); }
};

static void store_columns(const MatmulArgs& a, uint32_t row, uint32_t column, F32x16 sum) noexcept {
  float* dst = reinterpret_cast<float*>(reinterpret_cast<uint8_t*>(a.dst) + row * a.dst_stride) + column;
  if (a.n - column >= kPanelRows) {
    sum.store(dst);
  } else {
    store_part(sum, dst, a.n - column);
  }
}

// kPanels panels from `column` on, kTokens rows.
template <class Values, int kPanels, int kTokens>
static void multiply_values(const MatmulArgs& a, uint32_t column) noexcept {
  using Value = typename Values::Value;
  const size_t panel_values = size_t{a.blocks} * kPanelRows;
  const Value* weights = static_cast<const Value*>(a.rhs) + column / kPanelRows * panel_values;
  const float* lhs[kTokens];
  F32x16 sum[kPanels][kTokens];
  for (int t = 0; t < kTokens; ++t)
    lhs[t] = reinterpret_cast<const float*>(static_cast<const uint8_t*>(a.lhs) + t * a.lhs_stride);
  for (int p = 0; p < kPanels; ++p)
    for (int t = 0; t < kTokens; ++t) sum[p][t] = F32x16::set1(0);
  for (size_t k = 0; k < a.blocks; ++k) {
    F32x16 w[kPanels];
    for (int p = 0; p < kPanels; ++p) w[p] = Values::load(weights + p * panel_values + k * kPanelRows);
    for (int t = 0; t < kTokens; ++t) {
      const F32x16 x = F32x16::set1(lhs[t][k]);
      for (int p = 0; p < kPanels; ++p) sum[p][t] = F32x16::fma(x, w[p], sum[p][t]);
    }
  }
  for (int p = 0; p < kPanels; ++p)
    for (int t = 0; t < kTokens; ++t)
      store_columns(a, static_cast<uint32_t>(t), column + static_cast<uint32_t>(p) * kPanelRows, sum[p][t]);
}

template <class Values>
static void multiply_single(const MatmulArgs& a) noexcept {
  constexpr uint32_t kPanels = kTileRows;
  uint32_t column = 0;
  for (; column + (kPanels - 1) * kPanelRows < a.n; column += kPanels * kPanelRows)
    multiply_values<Values, kPanels, 1>(a, column);
  for (; column < a.n; column += kPanelRows) multiply_values<Values, 1, 1>(a, column);
}

// 1 to kMr tokens.
template <class Values, int kMr>
static void multiply_tall(const MatmulArgs& a) noexcept {
  if constexpr (kMr > 1) {
    if (a.m < static_cast<uint32_t>(kMr)) return multiply_tall<Values, kMr - 1>(a);
  }
  for (uint32_t column = 0; column < a.n; column += kPanelRows) multiply_values<Values, 1, kMr>(a, column);
}

}  // namespace
}  // namespace runnel
