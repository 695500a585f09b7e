#include "kernels/dtype.h"

#include "kernels/base/checked.h"
#include "kernels/dtypes/rows.h"

namespace runnel {
namespace {

constexpr const DTypeInfo* kTypes[] = {
#define DTYPE(name, id) &dtype_##name,
#include "kernels/dtypes.inc"
#undef DTYPE
};

// The row of a type is found by its id as the index.
constexpr uint8_t kIds[] = {
#define DTYPE(name, id) id,
#include "kernels/dtypes.inc"
#undef DTYPE
};
constexpr bool ids_are_indices() noexcept {
  for (size_t i = 0; i < std::size(kIds); ++i)
    if (kIds[i] != i) return false;
  return true;
}
static_assert(ids_are_indices());

}  // namespace

std::span<const DTypeInfo* const> dtypes() noexcept { return kTypes; }

const DTypeInfo* find_dtype(uint32_t id) noexcept { return id < std::size(kTypes) ? kTypes[id] : nullptr; }

const DTypeInfo* find_dtype(std::string_view name) noexcept {
  for (const DTypeInfo* type : kTypes)
    if (name == type->name) return type;
  return nullptr;
}

const DTypeInfo* find_ggml_dtype(int32_t ggml_type) noexcept {
  if (ggml_type < 0) return nullptr;
  for (const DTypeInfo* type : kTypes)
    if (type->ggml_type == ggml_type) return type;
  return nullptr;
}

const DTypeInfo& dtype_info(DType dtype) noexcept { return *kTypes[static_cast<uint8_t>(dtype)]; }

bool packed_shape(const DTypeInfo& type, uint32_t rows, uint32_t cols, PackedShape* out) noexcept {
  if (rows == 0 || cols == 0) return false;
  out->panels = ceil_div(rows, type.nr);
  out->blocks = ceil_div(cols, type.group);
  uint64_t bytes = type.block_bytes;
  if (!checked_mul<uint64_t>(bytes, type.nr, &bytes)) return false;
  if (!checked_mul<uint64_t>(bytes, out->blocks, &out->panel_bytes)) return false;
  return checked_mul<uint64_t>(out->panel_bytes, out->panels, &out->bytes);
}

void dequantize_packed_row(const DTypeInfo& type, const void* packed, const PackedShape& shape, uint32_t row,
                           float* out) noexcept {
  const auto* panel = static_cast<const uint8_t*>(packed) + row / type.nr * shape.panel_bytes;
  alignas(64) uint8_t blocks[1024];
  const uint32_t fit = sizeof(blocks) / type.block_bytes;
  for (uint32_t begin = 0; begin < shape.blocks;) {
    const uint32_t count = shape.blocks - begin < fit ? shape.blocks - begin : fit;
    type.unpack_row(panel, shape.blocks, row % type.nr, begin, count, blocks);
    type.dequantize(blocks, out + size_t(begin) * type.group, count);
    begin += count;
  }
}

}  // namespace runnel
