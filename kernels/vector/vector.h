// Row operations of the graph that are neither matmul nor attention, in one table per instruction set.
//
// Every function takes one row of n floats (any n >= 1, any alignment), reads no further than n and writes no further
// than n. `out` may be the very pointer of an input (in place) but must not overlap one otherwise. Sums run in 16
// lanes, folded at the end, so that a row's result depends on the row alone; across instruction sets results differ by
// rounding only. Any thread.
#pragma once

#include <stdint.h>

#include "kernels/isa.h"

namespace runnel {

struct VectorOps {
  const char* name;  // isa word
  Isa isa;

  // out = x / sqrt(mean(x^2) + epsilon) * weight. weight null: all ones.
  void (*rms_norm_row)(const float* x, const float* weight, float epsilon, uint32_t n, float* out) noexcept;
  // out = (x - mean) / sqrt(variance + epsilon) * weight + bias; weight and bias may each be null.
  void (*layer_norm_row)(const float* x, const float* weight, const float* bias, float epsilon, uint32_t n,
                         float* out) noexcept;

  // out = f(x)
  void (*silu_row)(const float* x, uint32_t n, float* out) noexcept;       // x / (1 + e^-x)
  void (*gelu_row)(const float* x, uint32_t n, float* out) noexcept;       // by the error function
  void (*gelu_tanh_row)(const float* x, uint32_t n, float* out) noexcept;  // its tanh form
  void (*relu_row)(const float* x, uint32_t n, float* out) noexcept;
  // out = f(gate) * up
  void (*silu_mul_row)(const float* gate, const float* up, uint32_t n, float* out) noexcept;
  void (*gelu_mul_row)(const float* gate, const float* up, uint32_t n, float* out) noexcept;
  void (*gelu_tanh_mul_row)(const float* gate, const float* up, uint32_t n, float* out) noexcept;
  void (*relu_mul_row)(const float* gate, const float* up, uint32_t n, float* out) noexcept;

  void (*add_row)(const float* a, const float* b, uint32_t n, float* out) noexcept;
  void (*mul_row)(const float* a, const float* b, uint32_t n, float* out) noexcept;
  void (*scale_row)(const float* x, float factor, uint32_t n, float* out) noexcept;
  // out = cap * tanh(x / cap)
  void (*soft_cap_row)(const float* x, float cap, uint32_t n, float* out) noexcept;
  // out = e^(x - max) / sum. Lanes of minus infinity come out as 0 as long as one lane is finite.
  void (*softmax_row)(const float* x, uint32_t n, float* out) noexcept;
  // out = floor(e^((x - largest) / temperature) * 2^40); `out` apart from x. Requires: x <= largest, which is finite,
  // and temperature > 0; an x of minus infinity gives 0. The same bits on every instruction set.
  void (*probability_row)(const float* x, uint32_t n, float largest, float temperature, uint64_t* out) noexcept;

  // In place on one head: pairs (i, i + half) or (2i, 2i + 1) turned by the angle whose cosine and sine are given,
  // i < half. What lies beyond 2 * half is not touched.
  void (*rope_neox_row)(float* x, const float* cosine, const float* sine, uint32_t half) noexcept;
  void (*rope_interleaved_row)(float* x, const float* cosine, const float* sine, uint32_t half) noexcept;

  // Round to nearest even. f32_to_f16_row clamps finite values and infinities to the largest finite half.
  void (*f32_to_f16_row)(const float* x, uint32_t n, uint16_t* out) noexcept;
  void (*f16_to_f32_row)(const uint16_t* x, uint32_t n, float* out) noexcept;
};

// The best table the instruction set has; each architecture ends in a scalar one.
const VectorOps& vector_ops(Isa isa) noexcept;
// Table `index` as built for this architecture, best first, null past the last: for tests and benchmarks.
const VectorOps* vector_ops_row(uint32_t index) noexcept;

}  // namespace runnel
