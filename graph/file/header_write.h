// The header's FlatBuffer from a model's description. Its size depends on counts and texts alone, so that the space can
// be reserved before hashes and errors are known.
//
// Thread rule: any thread.
#pragma once

#include <span>

#include "graph/file/model_writer.h"
#include "graph/file/sha256.h"

namespace runnel::rnl {

struct SectionPlace {
  uint64_t offset = 0, bytes = 0;
};

struct ShardPlace {
  uint64_t data_begin = 0, data_bytes = 0, data_offset = 0;
};

// Where everything lies, and what is known of it so far.
struct HeaderParts {
  const ModelSpec* spec = nullptr;
  std::span<const TensorDesc> tensors;  // with offsets
  std::span<const float> errors;        // one a tensor
  std::span<const SectionPlace> sections;
  uint64_t data_bytes = 0;
  uint32_t chunk_bytes = 0;
  std::span<const Digest> chunks;
  std::span<const ShardPlace> shards;
  std::span<const KeyValue> late_provenance;
};

Status write_header(const HeaderParts& parts, Array<uint8_t>* out) noexcept;

}  // namespace runnel::rnl
