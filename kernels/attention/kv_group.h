// What quantisers of a group of numbers share.
#pragma once

#include "kernels/attention/kv_block.h"
#include "kernels/simd/f32x16_math.h"

namespace runnel {
namespace {

// Group's n numbers, clamped to what a float16 holds, and zeros to 32; returns the largest magnitude.
[[maybe_unused]] static float clamp_group(const float* x, uint32_t n, float* group) noexcept {
  const F32x16 limit = F32x16::set1(65504.0f), zero = F32x16::set1(0);
  F32x16 largest = zero;
  for (uint32_t i = 0; i < n; ++i) group[i] = x[i];
  for (uint32_t i = n; i < kKvGroup; ++i) group[i] = 0;
  for (uint32_t i = 0; i < kKvGroup; i += 16) {
    const F32x16 v = F32x16::max(F32x16::min(F32x16::load(group + i), limit), zero - limit);
    v.store(group + i);
    largest = F32x16::max(largest, F32x16::max(v, zero - v));
  }
  return largest.reduce_max();
}

}  // namespace
}  // namespace runnel
