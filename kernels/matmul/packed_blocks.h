// Where the parts of a quantised activation row (matmul.h) and of the packed 4- and 8-bit panels
// (kernels/dtypes/panel.h) lie, as plain offsets for kernels.
//
// A panel of nr = 16 rows is a run of blocks, one for each group of 32 along k:
//   q4g32   16 half scales | 4 vectors of 64 bytes            value = (nibble - 8) * scale
//   q4ag32  16 half scales | 16 half minima | 4 vectors       value = nibble * scale + minimum
//   q8g32   16 half scales | 8 vectors of 64 bytes            value = byte * scale
// Vector j holds for row r, at bytes 4r..4r+3, the k values 4j..4j+3 of the group; in 4-bit types these in the low
// nibbles, 16 + 4j .. 16 + 4j + 3 in the high ones.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "kernels/matmul/matmul.h"

namespace runnel {
namespace {

inline constexpr uint32_t kPanelRows = 16;

// One activation row quantised to int8 or int16.
template <class T>
struct LhsRow {
  const T* q;
  const float* scale;
  const int32_t* sum;
  const int16_t* halves;  // two a group; of int8 rows only
};

// kGroups: groups of 32 in a block of the weights.
template <class T, uint32_t kGroups = 1>
static inline LhsRow<T> lhs_row(const MatmulArgs& args, uint32_t row) noexcept {
  const size_t groups = size_t{args.blocks} * kGroups;
  const auto* q = reinterpret_cast<const T*>(static_cast<const uint8_t*>(args.lhs) + row * args.lhs_stride);
  const float* scale = reinterpret_cast<const float*>(q + groups * 32);
  const int32_t* sum = reinterpret_cast<const int32_t*>(scale + groups);
  return {q, scale, sum, reinterpret_cast<const int16_t*>(sum + groups)};
}

// Lhs: what the activations are.
struct Q4Block {
  using Lhs = int8_t;
  static constexpr size_t kBytes = 288, kVectors = 32;
  static constexpr int kOffsetShift = 3;  // log2 of how much too large a nibble is
  static constexpr bool kNibbles = true, kMinima = false;
};
struct Q4aBlock {
  using Lhs = int8_t;
  static constexpr size_t kBytes = 320, kVectors = 64, kMinimaAt = 32;
  static constexpr int kOffsetShift = 0;
  static constexpr bool kNibbles = true, kMinima = true;
};
struct Q8Block {
  using Lhs = int8_t;
  static constexpr size_t kBytes = 544, kVectors = 32;
  static constexpr int kOffsetShift = 0;
  static constexpr bool kNibbles = false, kMinima = false;
};

// The same weights for 16-bit activations.
struct Q8WideBlock : Q8Block {
  using Lhs = int16_t;
};

// One panel's results: columns [0, count) of row `row`.
[[maybe_unused]] static inline float* dst_row(const MatmulArgs& args, uint32_t row, uint32_t column) noexcept {
  return reinterpret_cast<float*>(reinterpret_cast<uint8_t*>(args.dst) + row * args.dst_stride) + column;
}

}  // namespace
}  // namespace runnel
