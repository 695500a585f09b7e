// The loops of peak.h over a file's own types, which come before this header: F32x16 (kernels/simd) and
//   struct Int8Dot {
//     static constexpr uint32_t kMacs, kBytes;  // multiply-adds of one dot(), bytes of an operand
//     using Operand, Sum;
//     static Sum zero();  static Operand load(const uint8_t*);
//     static Sum dot(Sum, Operand, Operand);    // its first operand is non-negative where the instruction asks it
//     static int32_t low(Sum);
//   };
#pragma once

#include "kernels/limits/peak.h"

namespace runnel {
namespace {

// A tile of 4 by 2 operands: six loads for eight dot products.
uint64_t peak_int8(const void* operands, uint32_t rounds, int32_t* sink) noexcept {
  const auto* left = static_cast<const uint8_t*>(operands);
  const uint8_t* right = left + kPeakOperandBytes / 2;
  constexpr uint32_t kSteps = kPeakOperandBytes / 2 / (4 * Int8Dot::kBytes);
  Int8Dot::Sum sums[8];
  for (Int8Dot::Sum& sum : sums) sum = Int8Dot::zero();
  for (uint32_t round = 0; round < rounds; ++round) {
    for (uint32_t step = 0; step < kSteps; ++step) {
      const Int8Dot::Operand r0 = Int8Dot::load(right + 2 * step * Int8Dot::kBytes);
      const Int8Dot::Operand r1 = Int8Dot::load(right + (2 * step + 1) * Int8Dot::kBytes);
      for (uint32_t i = 0; i < 4; ++i) {
        const Int8Dot::Operand l = Int8Dot::load(left + (4 * step + i) * Int8Dot::kBytes);
        sums[2 * i] = Int8Dot::dot(sums[2 * i], l, r0);
        sums[2 * i + 1] = Int8Dot::dot(sums[2 * i + 1], l, r1);
      }
    }
  }
  int32_t total = 0;
  for (const Int8Dot::Sum& sum : sums) total ^= Int8Dot::low(sum);
  *sink ^= total;
  return uint64_t(rounds) * kSteps * 8 * Int8Dot::kMacs;
}

// A tile of 3 by 2 operands of sixteen: six sums are enough in flight for two multiply-adds a cycle at a latency of
// four, and stay in registers.
uint64_t peak_f32(const void* operands, uint32_t rounds, int32_t* sink) noexcept {
  const auto* left = static_cast<const float*>(operands);
  const float* right = left + kPeakOperandBytes / 2 / sizeof(float);
  constexpr uint32_t kSteps = kPeakOperandBytes / 2 / (3 * 64);
  F32x16 sums[6];
  for (F32x16& sum : sums) sum = F32x16::set1(0);
  for (uint32_t round = 0; round < rounds; ++round) {
    for (uint32_t step = 0; step < kSteps; ++step) {
      const F32x16 r0 = F32x16::load(right + 32 * step), r1 = F32x16::load(right + 32 * step + 16);
      for (uint32_t i = 0; i < 3; ++i) {
        const F32x16 l = F32x16::load(left + 48 * step + 16 * i);
        sums[2 * i] = F32x16::fma(l, r0, sums[2 * i]);
        sums[2 * i + 1] = F32x16::fma(l, r1, sums[2 * i + 1]);
      }
    }
  }
  float total[16];
  for (uint32_t i = 1; i < 6; ++i) sums[0] = sums[0] + sums[i];
  sums[0].store(total);
  *sink ^= total[0] > 0;
  return uint64_t(rounds) * kSteps * 6 * 16;
}

uint64_t peak_read(const float* values, size_t count, int32_t* sink) noexcept {
  const size_t stream = count / 4;
  F32x16 largest[4];
  for (F32x16& lanes : largest) lanes = F32x16::set1(0);
  for (size_t i = 0; i < stream; i += 16) {
    for (uint32_t s = 0; s < 4; ++s) largest[s] = F32x16::max(largest[s], F32x16::load(values + s * stream + i));
  }
  float total[16];
  F32x16::max(F32x16::max(largest[0], largest[1]), F32x16::max(largest[2], largest[3])).store(total);
  *sink ^= total[0] > 0;
  return uint64_t(count) * sizeof(float);
}

}  // namespace
}  // namespace runnel
