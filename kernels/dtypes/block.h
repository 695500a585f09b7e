// What the files of the storage types share: block structures without alignment, and the DTypeInfo made of a block
// structure and a decode function. Multi-byte fields are little-endian, byte by byte, so a block may lie anywhere.
#pragma once

#include <cfloat>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kernels/dtypes/rows.h"
#include "kernels/half.h"

namespace runnel {

// A float16 as it lies in a block.
struct Half {
  uint8_t low, high;

  uint16_t bits() const noexcept { return static_cast<uint16_t>(low | high << 8); }
  float value() const noexcept { return f16_to_f32(bits()); }
  static Half from_bits(uint16_t bits) noexcept {
    return {static_cast<uint8_t>(bits), static_cast<uint8_t>(bits >> 8)};
  }
};

// Down to float16 without ever becoming infinite.
inline uint16_t finite_f16(float value) noexcept {
  return f32_to_f16(value > 65504.0f ? 65504.0f : value < -65504.0f ? -65504.0f : value);
}

// What a quantiser takes a float for: not-a-number counts as 0, infinities as the largest finite value.
inline float finite_f32(float x) noexcept {
  const float number = x == x ? x : 0.0f;
  const float below = number < FLT_MAX ? number : FLT_MAX;
  return below > -FLT_MAX ? below : -FLT_MAX;
}

template <class Block, uint32_t kGroup, void (*kDecode)(const Block&, float*) noexcept>
void dequantize_blocks(const void* blocks, float* out, size_t block_count) noexcept {
  const Block* block = static_cast<const Block*>(blocks);
  for (size_t i = 0; i < block_count; ++i) kDecode(block[i], out + i * kGroup);
}

template <class Block, uint32_t kGroup, void (*kEncode)(const float*, Block&) noexcept>
void quantize_blocks(const float* in, void* blocks, size_t block_count) noexcept {
  Block* block = static_cast<Block*>(blocks);
  for (size_t i = 0; i < block_count; ++i) kEncode(in + i * kGroup, block[i]);
}

// Packed form of the types without a tuned layout: one row a panel, as it is. A block of zero bytes is a block of
// zeros.
template <class Block>
void pack_row_form(const void* const* rows, uint32_t block_count, void* panel) noexcept {
  const size_t bytes = size_t(block_count) * sizeof(Block);
  if (rows[0] != nullptr) {
    std::memcpy(panel, rows[0], bytes);
  } else {
    std::memset(panel, 0, bytes);
  }
}
template <class Block>
void unpack_row_form(const void* panel, uint32_t, uint32_t, uint32_t block_begin, uint32_t block_count,
                     void* blocks) noexcept {
  std::memcpy(blocks, static_cast<const Block*>(panel) + block_begin, size_t(block_count) * sizeof(Block));
}

template <class Block, uint32_t kGroup, void (*kDecode)(const Block&, float*) noexcept>
constexpr DTypeInfo row_form_type(DType dtype, const char* name, int32_t ggml_type, const char* ggml_name) noexcept {
  static_assert(alignof(Block) == 1);
  return {.name = name,
          .dtype = dtype,
          .group = kGroup,
          .block_bytes = sizeof(Block),
          .nr = 1,
          .kr = kGroup,
          .ggml_type = ggml_type,
          .ggml_name = ggml_name,
          .dequantize = dequantize_blocks<Block, kGroup, kDecode>,
          .quantize = nullptr,
          .pack_panel = pack_row_form<Block>,
          .unpack_row = unpack_row_form<Block>};
}

}  // namespace runnel
