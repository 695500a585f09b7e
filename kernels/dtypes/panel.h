// The two panel layouts of 16 rows.
//
// Blocks (nr = 16, kr = 4): block column by block column, first the 16 rows' float16 fields (scale, then minimum where
// the type has one), 32 bytes each, then the quants as vectors of 64 bytes: vector j holds row r's bytes 4j..4j+3 at
// 4r..4r+3, so that one 32-bit lane is one row and a dot product of 4 bytes advances all 16 rows.
// Values (nr = 16, kr = 1): for each k the 16 rows' values, adjacent.
#pragma once

#include "kernels/dtypes/block.h"

namespace runnel {

inline constexpr uint32_t kPanelRows = 16;

// Requires: a block is kHalves float16 fields followed by whole 4-byte words of quants.
template <size_t kBlockBytes, size_t kHalves>
void pack_block_panel(const void* const* rows, uint32_t block_count, void* panel) noexcept {
  constexpr size_t kWords = (kBlockBytes - 2 * kHalves) / 4;
  static_assert(2 * kHalves + 4 * kWords == kBlockBytes);
  auto* column = static_cast<uint8_t*>(panel);
  for (uint32_t b = 0; b < block_count; ++b, column += kPanelRows * kBlockBytes) {
    for (uint32_t r = 0; r < kPanelRows; ++r) {
      static constexpr uint8_t kZeros[kBlockBytes] = {};
      const uint8_t* block = rows[r] != nullptr ? static_cast<const uint8_t*>(rows[r]) + b * kBlockBytes : kZeros;
      for (size_t h = 0; h < kHalves; ++h) std::memcpy(column + (h * kPanelRows + r) * 2, block + 2 * h, 2);
      uint8_t* words = column + kPanelRows * 2 * kHalves + 4 * r;
      for (size_t w = 0; w < kWords; ++w) std::memcpy(words + w * 64, block + 2 * kHalves + 4 * w, 4);
    }
  }
}

template <size_t kBlockBytes, size_t kHalves>
void unpack_block_panel(const void* panel, uint32_t, uint32_t row, uint32_t block_begin, uint32_t block_count,
                        void* blocks) noexcept {
  constexpr size_t kWords = (kBlockBytes - 2 * kHalves) / 4;
  const auto* column = static_cast<const uint8_t*>(panel) + size_t(block_begin) * kPanelRows * kBlockBytes;
  auto* block = static_cast<uint8_t*>(blocks);
  for (uint32_t b = 0; b < block_count; ++b, column += kPanelRows * kBlockBytes, block += kBlockBytes) {
    for (size_t h = 0; h < kHalves; ++h) std::memcpy(block + 2 * h, column + (h * kPanelRows + row) * 2, 2);
    const uint8_t* words = column + kPanelRows * 2 * kHalves + 4 * row;
    for (size_t w = 0; w < kWords; ++w) std::memcpy(block + 2 * kHalves + 4 * w, words + w * 64, 4);
  }
}

// A block is kHalves float16 fields and then quants.
template <class Block, uint32_t kGroup, size_t kHalves, void (*kDecode)(const Block&, float*) noexcept,
          void (*kEncode)(const float*, Block&) noexcept>
constexpr DTypeInfo block_panel_type(DType dtype, const char* name, int32_t ggml_type, const char* ggml_name) noexcept {
  static_assert(alignof(Block) == 1);
  return {.name = name,
          .dtype = dtype,
          .group = kGroup,
          .block_bytes = sizeof(Block),
          .nr = kPanelRows,
          .kr = 4,
          .ggml_type = ggml_type,
          .ggml_name = ggml_name,
          .dequantize = dequantize_blocks<Block, kGroup, kDecode>,
          .quantize = quantize_blocks<Block, kGroup, kEncode>,
          .pack_panel = pack_block_panel<sizeof(Block), kHalves>,
          .unpack_row = unpack_block_panel<sizeof(Block), kHalves>};
}

template <class Value>
void pack_value_panel(const void* const* rows, uint32_t block_count, void* panel) noexcept {
  auto* out = static_cast<Value*>(panel);
  for (uint32_t r = 0; r < kPanelRows; ++r) {
    const auto* row = static_cast<const uint8_t*>(rows[r]);
    for (uint32_t k = 0; k < block_count; ++k) {
      Value value = 0;
      if (row != nullptr) std::memcpy(&value, row + size_t(k) * sizeof(Value), sizeof(Value));
      out[size_t(k) * kPanelRows + r] = value;
    }
  }
}

template <class Value>
void unpack_value_panel(const void* panel, uint32_t, uint32_t row, uint32_t block_begin, uint32_t block_count,
                        void* blocks) noexcept {
  const Value* in = static_cast<const Value*>(panel) + size_t(block_begin) * kPanelRows + row;
  auto* out = static_cast<uint8_t*>(blocks);
  for (uint32_t k = 0; k < block_count; ++k)
    std::memcpy(out + size_t(k) * sizeof(Value), in + size_t(k) * kPanelRows, sizeof(Value));
}

}  // namespace runnel
