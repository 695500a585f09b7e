// Sizes and names of the ggml tensor types, as far as a reader must know them to find a tensor's end.
#pragma once

#include <cstdint>

namespace runnel {

struct GgmlType {
  int32_t id;
  const char* name;
  uint32_t group;        // values per block
  uint32_t block_bytes;  // bytes per block
};

// Null for an id that no ggml has, or that was withdrawn.
const GgmlType* find_ggml_type(uint32_t id) noexcept;

}  // namespace runnel
