// Where sections, tensors and shards lie, computed from a model's description before a byte is written.
//
// Thread rule: any thread.
#pragma once

#include "graph/file/header_write.h"

namespace runnel::rnl {

struct Layout {
  Array<TensorDesc> tensors;  // of the graph, with packed layout and offsets
  Array<SectionPlace> sections;
  Array<ShardPlace> shards;
  uint64_t data_bytes = 0;
  uint64_t weights_begin = 0;  // the first tensor's offset: what lies before is sections
  uint64_t file_bytes = 0;     // of all shards
};

// Sections first, then tensors in their order, each at a multiple of 64 bytes; the first section, the first tensor and
// the first tensor of each layer at multiples of 16 KiB. Leaves out the shards.
Status lay_out_data(const ModelSpec& spec, Layout* layout) noexcept;

// Cuts the data region into files of at most options.shard_bytes, at multiples of the chunk size. header_bytes: space
// to keep for the first file's FlatBuffer.
Status lay_out_shards(const WriterOptions& options, uint64_t header_bytes, Layout* layout) noexcept;

}  // namespace runnel::rnl
