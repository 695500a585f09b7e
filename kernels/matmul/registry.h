// The rows of matmul.inc and the choice among them.
#pragma once

#include <span>

#include "kernels/dtype.h"
#include "kernels/matmul/matmul.h"

namespace runnel {

std::span<const MatmulKernel> matmul_kernels() noexcept;

// The kernels that a linear op uses for one weight type, chosen once at open.
struct MatmulChoice {
  LhsType lhs = LhsType::f32;
  const MatmulKernel* single = nullptr;  // mr = 1: decode
  const MatmulKernel* tall = nullptr;    // largest mr: prefill; may equal single
                                         // both null: matmul_generic with float rows
  // How `rows` rows must lie.
  LhsOrder order(uint32_t rows) const noexcept { return rows == 1 || !tall ? LhsOrder::rows : tall->order(); }
};

// First row that fits wins, for each of the two. `coarsest` is the least precise left side allowed, in the order q8g32,
// q16g32, f32; a type without rows of it gets the next finer one, and at last the generic kernel with float rows.
MatmulChoice choose_matmul(DType rhs, Isa isa, LhsType coarsest = LhsType::q8g32) noexcept;

// Runs any m rows over n columns with the choice: tall tiles first, the rest with single.
void run_matmul(const MatmulChoice& choice, DType rhs, const MatmulArgs& args) noexcept;

// Quantises one float row of `cols` values to `type` (not f32) with `groups` groups (>= ceil(cols / 32)).
// Same bits on every ISA: round to nearest, ties to even.
void quantize_row(LhsType type, const float* x, uint32_t cols, uint32_t groups, void* out) noexcept;

// A left side of many rows in any order: what each takes, and the same quantisation of row `row`, written to its place
// alone. `lhs` is 64-byte aligned and holds a whole number of tiles.
size_t quantized_stride(LhsType type, LhsOrder order, uint32_t groups) noexcept;
void quantize_row_of(LhsType type, LhsOrder order, const float* x, uint32_t cols, uint32_t groups, uint32_t row,
                     void* lhs) noexcept;

}  // namespace runnel
