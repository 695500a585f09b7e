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
  const int32_t* start;
  const float* weighted;
  const int16_t* halves;  // two a group; of int8 rows only
};

// kGroups: groups of 32 in a block of the weights.
template <class T, uint32_t kGroups = 1>
static inline LhsRow<T> lhs_row(const MatmulArgs& args, uint32_t row) noexcept {
  const size_t groups = size_t{args.blocks} * kGroups;
  const auto* q = reinterpret_cast<const T*>(static_cast<const uint8_t*>(args.lhs) + row * args.lhs_stride);
  const float* scale = reinterpret_cast<const float*>(q + groups * 32);
  const int32_t* start = reinterpret_cast<const int32_t*>(scale + groups);
  const float* weighted = reinterpret_cast<const float*>(start + groups);
  return {q, scale, start, weighted, reinterpret_cast<const int16_t*>(weighted + groups)};
}

// The same of a tile of rows that lie a stride apart, as one moving pointer to the values, one to the groups' numbers,
// and the rows' distances. A pointer for each row and array would not fit the general registers; advance() hides the
// pointers from the compiler, which otherwise makes them from these.
template <class T, int kTokens, uint32_t kGroups = 1>
struct LhsTile {
  // From group `first` on.
  explicit LhsTile(const MatmulArgs& args, uint32_t first = 0) noexcept : groups(size_t{args.blocks} * kGroups) {
    const auto* row = static_cast<const uint8_t*>(args.lhs);
    q = row + size_t{first} * 32 * sizeof(T);
    numbers = row + groups * 32 * sizeof(T) + size_t{first} * 4;
    for (int t = 0; t < kTokens; ++t) at[t] = static_cast<size_t>(t) * args.lhs_stride;
  }
  void advance() noexcept {
    q += 32 * sizeof(T);
    numbers += 4;
    __asm__("" : "+r"(q), "+r"(numbers));
  }
  // The k-th value, and those after it, of row t.
  const T* value(int t, int k) const noexcept { return reinterpret_cast<const T*>(q + at[t]) + k; }
  float scale(int t) const noexcept { return number<float>(t, 0); }
  int32_t start(int t) const noexcept { return number<int32_t>(t, 1); }
  float weighted(int t) const noexcept { return number<float>(t, 2); }
  const int16_t* halves(int t) const noexcept {
    return reinterpret_cast<const int16_t*>(numbers + at[t] + 3 * 4 * groups);
  }

 private:
  template <class Number>
  Number number(int t, size_t array) const noexcept {
    Number value;
    __builtin_memcpy(&value, numbers + at[t] + array * 4 * groups, sizeof(value));
    return value;
  }
  const uint8_t* q;
  const uint8_t* numbers;
  size_t at[kTokens];
  size_t groups;
};

// Lhs: what the activations are.
struct Q4Block {
  using Lhs = int8_t;
  static constexpr size_t kBytes = 288, kVectors = 32;
  static constexpr bool kOffset = true;  // a nibble is 8 too large
  static constexpr bool kNibbles = true, kMinima = false;
};
struct Q4aBlock {
  using Lhs = int8_t;
  static constexpr size_t kBytes = 320, kVectors = 64, kMinimaAt = 32;
  static constexpr bool kOffset = false;
  static constexpr bool kNibbles = true, kMinima = true;
};
struct Q8Block {
  using Lhs = int8_t;
  static constexpr size_t kBytes = 544, kVectors = 32;
  static constexpr bool kOffset = false;
  static constexpr bool kNibbles = false, kMinima = false;
};

// The same weights for 16-bit activations.
struct Q8WideBlock : Q8Block {
  using Lhs = int16_t;
};

// The tile that takes what one of `tokens` tokens leaves over: there are tiles of 12, 8, 4, 3, 2 and 1. One of each
// size would be 30 KB more code a row of the table, for a few tokens at the end of a prompt.
[[maybe_unused]] static constexpr int smaller_tile(int tokens) noexcept {
  return tokens > 8 ? 8 : tokens > 4 ? 4 : tokens - 1;
}

[[maybe_unused]] static inline float* dst_row(const MatmulArgs& args, uint32_t row, uint32_t column) noexcept {
  return reinterpret_cast<float*>(reinterpret_cast<uint8_t*>(args.dst) + row * args.dst_stride) + column;
}

// The same product without its first `rows` rows.
[[maybe_unused]] static inline MatmulArgs without_rows(MatmulArgs args, uint32_t rows) noexcept {
  args.lhs = static_cast<const uint8_t*>(args.lhs) + rows * args.lhs_stride;
  args.dst = dst_row(args, rows, 0);
  args.m -= rows;
  return args;
}

}  // namespace
}  // namespace runnel
