// The two panel layouts of 16 rows.
//
// Blocks (nr = 16, kr = 4): block column by block column, the block's fields one after the other, each unit by unit
// with the 16 rows' units adjacent. Float16 fields are units of 2 bytes, and vectors of 32; everything else, units of 4
// and vectors of 64: vector j of the quants holds row r's bytes 4j..4j+3 at 4r..4r+3, so that one 32-bit lane is one
// row and a dot product of 4 bytes advances all 16 rows. The float16 fields come first. A field of one bit for each of
// 32 k is turned in its unit, so that vector j's four bits are the j-th of its bytes. Values (nr = 16, kr = 1): for
// each k the 16 rows' values, adjacent.
#pragma once

#include "kernels/dtypes/block.h"

namespace runnel {

inline constexpr uint32_t kPanelRows = 16;

// A run of a block's bytes that is spread over the rows of a panel in units of 2 or 4 bytes.
struct PanelField {
  size_t offset, unit, count;
  bool bits = false;  // one for each k: turned in units of 4 bytes
};

template <size_t kFieldCount>
constexpr size_t field_bytes(const PanelField (&fields)[kFieldCount]) noexcept {
  size_t bytes = 0;
  for (const PanelField& field : fields) bytes += field.unit * field.count;
  return bytes;
}

// Units of all rows' blocks, side by side; returns the place behind them.
template <size_t kUnit>
uint8_t* spread_units(const uint8_t* const* blocks, size_t offset, size_t count, uint8_t* to) noexcept {
  for (size_t i = 0; i < count; ++i)
    for (uint32_t r = 0; r < kPanelRows; ++r, to += kUnit) std::memcpy(to, blocks[r] + offset + i * kUnit, kUnit);
  return to;
}

// Bits 0, 4, .. 28 of x side by side, and back.
inline uint32_t close_bits(uint32_t x) noexcept {
  x &= 0x11111111u;
  x = (x | x >> 3) & 0x03030303u;
  x = (x | x >> 6) & 0x000f000fu;
  return (x | x >> 12) & 0xffu;
}
inline uint32_t open_bits(uint32_t x) noexcept {
  x = (x | x << 12) & 0x000f000fu;
  x = (x | x << 6) & 0x03030303u;
  return (x | x << 3) & 0x11111111u;
}

// Bit 4j + c of 32 to bit j of byte c, and back.
inline void turn_bits(uint8_t* unit) noexcept {
  uint32_t bits;
  std::memcpy(&bits, unit, sizeof(bits));
  for (int c = 0; c < 4; ++c) unit[c] = static_cast<uint8_t>(close_bits(bits >> c));
}
inline void turn_bits_back(uint8_t* unit) noexcept {
  uint32_t bits = 0;
  for (int c = 0; c < 4; ++c) bits |= open_bits(unit[c]) << c;
  std::memcpy(unit, &bits, sizeof(bits));
}

template <size_t kBlockBytes, const auto& kFields>
void pack_field_panel(const void* const* rows, uint32_t block_count, void* panel) noexcept {
  static constexpr uint8_t kZeros[kBlockBytes] = {};
  auto* to = static_cast<uint8_t*>(panel);
  for (uint32_t b = 0; b < block_count; ++b) {
    const uint8_t* blocks[kPanelRows];
    for (uint32_t r = 0; r < kPanelRows; ++r)
      blocks[r] = rows[r] != nullptr ? static_cast<const uint8_t*>(rows[r]) + b * kBlockBytes : kZeros;
    for (const PanelField& field : kFields) {
      uint8_t* const begin = to;
      to = field.unit == 2 ? spread_units<2>(blocks, field.offset, field.count, to)
                           : spread_units<4>(blocks, field.offset, field.count, to);
      for (uint8_t* unit = begin; field.bits && unit != to; unit += 4) turn_bits(unit);
    }
  }
}

template <size_t kUnit>
const uint8_t* gather_units(const uint8_t* from, uint32_t row, size_t count, uint8_t* to) noexcept {
  for (size_t i = 0; i < count; ++i, from += kPanelRows * kUnit) std::memcpy(to + i * kUnit, from + row * kUnit, kUnit);
  return from;
}

template <size_t kBlockBytes, const auto& kFields>
void unpack_field_panel(const void* panel, uint32_t, uint32_t row, uint32_t block_begin, uint32_t block_count,
                        void* blocks) noexcept {
  const auto* from = static_cast<const uint8_t*>(panel) + size_t(block_begin) * kPanelRows * kBlockBytes;
  auto* block = static_cast<uint8_t*>(blocks);
  for (uint32_t b = 0; b < block_count; ++b, block += kBlockBytes) {
    for (const PanelField& field : kFields) {
      from = field.unit == 2 ? gather_units<2>(from, row, field.count, block + field.offset)
                             : gather_units<4>(from, row, field.count, block + field.offset);
      for (size_t i = 0; field.bits && i < field.count; ++i) turn_bits_back(block + field.offset + 4 * i);
    }
  }
}

// kFields: the block's fields in the panel's order.
template <class Block, uint32_t kGroup, const auto& kFields, void (*kDecode)(const Block&, float*) noexcept,
          void (*kEncode)(const float*, Block&) noexcept = nullptr>
constexpr DTypeInfo block_panel_type(DType dtype, const char* name, int32_t ggml_type, const char* ggml_name) noexcept {
  static_assert(alignof(Block) == 1 && field_bytes(kFields) == sizeof(Block));
  DTypeInfo info = {.name = name,
                    .dtype = dtype,
                    .group = kGroup,
                    .block_bytes = sizeof(Block),
                    .nr = kPanelRows,
                    .kr = 4,
                    .ggml_type = ggml_type,
                    .ggml_name = ggml_name,
                    .dequantize = dequantize_blocks<Block, kGroup, kDecode>,
                    .quantize = nullptr,
                    .pack_panel = pack_field_panel<sizeof(Block), kFields>,
                    .unpack_row = unpack_field_panel<sizeof(Block), kFields>};
  if constexpr (kEncode != nullptr) info.quantize = quantize_blocks<Block, kGroup, kEncode>;
  return info;
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
