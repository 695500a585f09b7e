// Storage types of weights. One file a type in kernels/dtypes/, one row in dtypes.inc; nothing else names a type.
//
// Row form: a row of `cols` values is ceil(cols / group) blocks of block_bytes, in the very byte layout of the GGUF
// type that the dtype stands for (so `keep` copies). Packed form: rows grouped into panels of nr; a panel holds, block
// column by block column, the nr rows' blocks of that column, arranged as the type's file says with kr neighbouring k
// values of one row adjacent. A short last panel and a short last block are filled with zeros that dequantise to 0.
// Packed layout is a function of (dtype, nr, kr) alone. Types without a tuned layout have nr = 1: packed = row form.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace runnel {

enum class DType : uint8_t {
#define DTYPE(name, id) name = id,
#include "kernels/dtypes.inc"
#undef DTYPE
};

struct DTypeInfo {
  const char* name;  // our grammar, "q4g32"
  DType dtype;
  uint32_t group;         // values per block along k; 1 for float types
  uint32_t block_bytes;   // bytes of one block in row form
  uint32_t nr;            // rows per panel
  uint32_t kr;            // neighbouring k values of one row that lie adjacent in a panel
  int32_t ggml_type;      // the GGUF type id whose bytes the row form is, -1 for none
  const char* ggml_name;  // "q4_0", null for none

  // blocks in row form -> block_count * group floats. Exact in float32 for every type.
  void (*dequantize)(const void* blocks, float* out, size_t block_count) noexcept;
  // floats -> blocks by round to nearest; null where we only read the type. Any float is accepted: not-a-number counts
  // as 0, infinities clamp to the largest finite value.
  void (*quantize)(const float* in, void* blocks, size_t block_count) noexcept;
  // One panel of nr rows from row form. `rows[i]` is row i's blocks, null for a row of zeros. panel is 64-byte aligned.
  void (*pack_panel)(const void* const* rows, uint32_t block_count, void* panel) noexcept;
  // Blocks [block_begin, block_begin + block_count) of one row of a panel, back in row form (embedding look-ups,
  // tests). panel_blocks is the panel's blocks per row.
  void (*unpack_row)(const void* panel, uint32_t panel_blocks, uint32_t row, uint32_t block_begin, uint32_t block_count,
                     void* blocks) noexcept;
};

// Every type, by ascending id.
std::span<const DTypeInfo* const> dtypes() noexcept;
// Null when unknown.
const DTypeInfo* find_dtype(uint32_t id) noexcept;
const DTypeInfo* find_dtype(std::string_view name) noexcept;
const DTypeInfo* find_ggml_dtype(int32_t ggml_type) noexcept;
const DTypeInfo& dtype_info(DType dtype) noexcept;

// Shape of a packed (rows, cols) matrix. All counts in elements, rows first.
struct PackedShape {
  uint32_t panels;       // ceil(rows / nr)
  uint32_t blocks;       // ceil(cols / group), per row
  uint64_t panel_bytes;  // nr * blocks * block_bytes
  uint64_t bytes;        // panels * panel_bytes
};
// False when a size overflows or a count is 0.
[[nodiscard]] bool packed_shape(const DTypeInfo& type, uint32_t rows, uint32_t cols, PackedShape* out) noexcept;

// One row of a packed matrix as floats: out[0 .. blocks * group). (The tail beyond cols comes out as zeros.)
void dequantize_packed_row(const DTypeInfo& type, const void* packed, const PackedShape& shape, uint32_t row,
                           float* out) noexcept;

}  // namespace runnel
