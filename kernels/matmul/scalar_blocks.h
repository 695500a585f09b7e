// The scalar rows over quantised activations and block panels of 16 rows (layout: kernels/dtypes/panel.h). They say in
// plain arithmetic what the tuned rows compute: a group's dot product is an exact integer, the groups are added in
// ascending order.
#pragma once

#include "kernels/half.h"
#include "kernels/matmul/matmul.h"

namespace runnel {

inline constexpr uint32_t kScalarPanelRows = 16;

[[maybe_unused]] static inline float panel_half(const uint8_t* at) noexcept {
  return f16_to_f32(static_cast<uint16_t>(at[0] | at[1] << 8));
}

// `kColumnBytes`: one block column of a panel. `add(column, row, q, lhs_scale, lhs_start, total)`: an output's total
// after the group of weights of that row of the panel, q being the 32 activations.
template <uint32_t kColumnBytes, class Lhs = int8_t, class Add>
static inline void scalar_block_matmul(const MatmulArgs& a, Add add) noexcept {
  const size_t panel_bytes = size_t(a.blocks) * kColumnBytes;
  for (uint32_t m = 0; m < a.m; ++m) {
    const auto* q = reinterpret_cast<const Lhs*>(static_cast<const uint8_t*>(a.lhs) + m * a.lhs_stride);
    const auto* scales = reinterpret_cast<const float*>(q + size_t(a.blocks) * 32);
    const auto* starts = reinterpret_cast<const int32_t*>(scales + a.blocks);
    auto* dst = reinterpret_cast<float*>(reinterpret_cast<uint8_t*>(a.dst) + m * a.dst_stride);
    for (uint32_t n = 0; n < a.n; n += kScalarPanelRows) {
      const auto* column = static_cast<const uint8_t*>(a.rhs) + n / kScalarPanelRows * panel_bytes;
      float totals[kScalarPanelRows] = {};
      for (uint32_t b = 0; b < a.blocks; ++b, column += kColumnBytes)
        for (uint32_t r = 0; r < kScalarPanelRows; ++r)
          totals[r] = add(column, r, q + size_t(b) * 32, scales[b], starts[b], totals[r]);
      const uint32_t rows = a.n - n < kScalarPanelRows ? a.n - n : kScalarPanelRows;
      for (uint32_t r = 0; r < rows; ++r) dst[n + r] = totals[r];
    }
  }
}

// Dot product of 32 activations with row `row` of eight vectors of bytes.
template <class Lhs>
static inline int32_t byte_dot(const uint8_t* vectors, uint32_t row, const Lhs* q) noexcept {
  int32_t dot = 0;
  for (uint32_t i = 0; i < 32; ++i)
    dot += q[i] * static_cast<int32_t>(static_cast<int8_t>(vectors[i / 4 * 64 + 4 * row + i % 4]));
  return dot;
}

// Dot product of 32 activations with row `row` of four vectors of nibbles, as they are (0..15).
[[maybe_unused]] static inline int32_t nibble_dot(const uint8_t* vectors, uint32_t row, const int8_t* q) noexcept {
  int32_t dot = 0;
  for (uint32_t i = 0; i < 16; ++i) {
    const int32_t byte = vectors[i / 4 * 64 + 4 * row + i % 4];
    dot += q[i] * (byte & 15) + q[16 + i] * (byte >> 4);
  }
  return dot;
}

}  // namespace runnel
