// The parse of one GGUF file's bytes: header, metadata, tensor table. Nothing is copied but views.
#pragma once

#include <vector>

#include "converters/gguf/gguf_file.h"

namespace runnel {

struct GgufParsed {
  uint32_t version = 0;
  std::vector<GgufEntry> entries;        // in file order
  std::vector<uint32_t> entries_by_key;  // indices into entries, by key
  std::vector<GgufTensor> tensors;       // in file order; data already points into the bytes
  uint64_t data_offset = 0;              // where tensor data begins
};

// Every view in *out borrows from `bytes`. May throw std::bad_alloc, after the counts were checked against the bytes.
Status parse_gguf(std::span<const uint8_t> bytes, GgufParsed* out);

// Bytes of one element; 0 for strings and arrays.
uint32_t gguf_element_bytes(GgufType type) noexcept;
// "u32", "string", ...
const char* gguf_type_name(GgufType type) noexcept;

}  // namespace runnel
