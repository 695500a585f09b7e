// An orthogonal rotation of a head: signs, then Walsh-Hadamard transforms of equal blocks, each as long as the largest
// power of two that divides head_dim. Dot products of rotated vectors are those of the vectors. The signs are a fixed
// pattern, so that no regular vector meets a row of the transform.
#pragma once

#include <stdint.h>

#include "kernels/simd/vec4.h"

namespace runnel {
namespace {

static Float4 pairs(Float4 x) noexcept {  // x0 + x1, x0 - x1, x2 + x3, x2 - x3
  return __builtin_shufflevector(x, x, 0, 0, 2, 2) + __builtin_shufflevector(x, x, 1, 1, 3, 3) * Float4{1, -1, 1, -1};
}
static Float4 halves(Float4 x) noexcept {  // x0 + x2, x1 + x3, x0 - x2, x1 - x3
  return __builtin_shufflevector(x, x, 0, 1, 0, 1) + __builtin_shufflevector(x, x, 2, 3, 2, 3) * Float4{1, 1, -1, -1};
}

[[maybe_unused]] static Float4 load4(const float* p) noexcept {
  Float4 v;
  __builtin_memcpy(&v, p, sizeof(v));
  return v;
}
[[maybe_unused]] static void store4(Float4 v, float* p) noexcept { __builtin_memcpy(p, &v, sizeof(v)); }

// The transform of one block of n numbers, not normalised, in place; n is a power of two. Two steps a pass.
[[maybe_unused]] static void transform_block(float* x, uint32_t n) noexcept {
  if (n == 2) {
    const float a = x[0], b = x[1];
    x[0] = a + b;
    x[1] = a - b;
  }
  for (uint32_t i = 0; i + 4 <= n; i += 4) store4(halves(pairs(load4(x + i))), x + i);
  uint32_t stride = 4;
  for (; 2 * stride < n; stride *= 4) {
    for (uint32_t i = 0; i < n; i += 4 * stride) {
      for (float* p = x + i; p < x + i + stride; p += 4) {
        const Float4 a = load4(p), b = load4(p + stride), c = load4(p + 2 * stride), d = load4(p + 3 * stride);
        const Float4 ab = a + b, ba = a - b, cd = c + d, dc = c - d;
        store4(ab + cd, p);
        store4(ba + dc, p + stride);
        store4(ab - cd, p + 2 * stride);
        store4(ba - dc, p + 3 * stride);
      }
    }
  }
  for (float* p = x; stride < n && p < x + stride; p += 4) {  // the last step of an odd number
    const Float4 a = load4(p), b = load4(p + stride);
    store4(a + b, p);
    store4(a - b, p + stride);
  }
}

[[maybe_unused]] static uint32_t rotation_block(uint32_t head_dim) noexcept { return head_dim & (0u - head_dim); }
[[maybe_unused]] static void transform_head(float* x, uint32_t head_dim) noexcept {
  const uint32_t n = rotation_block(head_dim);
  for (uint32_t i = 0; i < head_dim; i += n) transform_block(x + i, n);
}
// Times the signs and what makes the transform's matrix orthogonal.
[[maybe_unused]] static void scale_signs(float* x, uint32_t head_dim) noexcept {
  const float scale = 1.0f / __builtin_sqrtf(static_cast<float>(rotation_block(head_dim)));
  for (uint32_t d = 0; d < head_dim; ++d) x[d] *= ((d + 1) * 0x9e3779b9u >> 31) != 0 ? -scale : scale;
}

[[maybe_unused]] static void rotate_head(float* x, uint32_t head_dim) noexcept {
  scale_signs(x, head_dim);
  transform_head(x, head_dim);
}
[[maybe_unused]] static void rotate_head_back(float* x, uint32_t head_dim) noexcept {
  transform_head(x, head_dim);
  scale_signs(x, head_dim);
}

}  // namespace
}  // namespace runnel
