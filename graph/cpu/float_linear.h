// The second float back end: linear ops over float weights through XNNPACK, which packs a private copy of them.
//
// Implemented in graph/xnnpack, or by refusals in graph/no_xnnpack. A weight's rows are cut into chunks, each an
// operator of its own that runs on one thread: results do not depend on the number of threads. XNNPACK picks its own
// kernels; RUNNEL_ISA does not reach it.
#pragma once

#include "graph/graph.h"

namespace runnel {

// Status: unsupported, when the build or the CPU has no XNNPACK.
Status float_linear_ready() noexcept;

// Rows of the weight in a chunk, functions of its shape alone: enough chunks for 8 workers, and at most a megabyte of
// floats to expand at a time.
uint32_t float_linear_chunk_rows(uint32_t rows, uint32_t cols) noexcept;
// Private bytes that a weight takes, and bytes of scratch that packing it needs.
uint64_t float_linear_bytes(uint32_t rows, uint32_t cols) noexcept;
uint64_t float_linear_scratch_bytes(uint32_t rows, uint32_t cols) noexcept;

struct FloatLinear;  // the operators of one weight

struct FloatLinearSource {
  const TensorDesc* desc = nullptr;   // f32, f16 or bf16
  const uint8_t* packed = nullptr;    // our packed form
  const float* bias = nullptr;        // desc->rows values, or null
  size_t x_stride = 0, y_stride = 0;  // floats between rows
  float* scratch = nullptr;           // float_linear_scratch_bytes(), 64-byte aligned
};
// Statuses: out_of_memory, unsupported. The caller destroys it.
Result<FloatLinear*> create_float_linear(const FloatLinearSource& source) noexcept;
void destroy_float_linear(FloatLinear* linear) noexcept;  // accepts null

// Columns of chunk `chunk` of y, for `rows` rows of x. x is readable 16 bytes past its last row. Different chunks may
// run at once.
void run_float_linear(FloatLinear* linear, uint32_t chunk, uint32_t rows, const float* x, float* y) noexcept;

}  // namespace runnel
