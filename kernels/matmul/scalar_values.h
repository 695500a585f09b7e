// The scalar rows over float activations and value panels of 16 rows: k ascending, one product and one sum at a time.
#pragma once

#include "kernels/half.h"
#include "kernels/matmul/matmul.h"

namespace runnel {

// `kUp` takes a stored value to float32, exactly.
template <class Value, float (*kUp)(Value) noexcept>
static inline void scalar_value_matmul(const MatmulArgs& a) noexcept {
  constexpr uint32_t kRows = 16;
  for (uint32_t m = 0; m < a.m; ++m) {
    const auto* lhs = reinterpret_cast<const float*>(static_cast<const uint8_t*>(a.lhs) + m * a.lhs_stride);
    auto* dst = reinterpret_cast<float*>(reinterpret_cast<uint8_t*>(a.dst) + m * a.dst_stride);
    for (uint32_t n = 0; n < a.n; n += kRows) {
      const Value* values = static_cast<const Value*>(a.rhs) + size_t(n) * a.blocks;
      float totals[kRows] = {};
      for (uint32_t k = 0; k < a.blocks; ++k)
        for (uint32_t r = 0; r < kRows; ++r) totals[r] += lhs[k] * kUp(values[size_t(k) * kRows + r]);
      const uint32_t rows = a.n - n < kRows ? a.n - n : kRows;
      for (uint32_t r = 0; r < rows; ++r) dst[n + r] = totals[r];
    }
  }
}

}  // namespace runnel
