#include "graph/file/layout.h"

#include <cstring>

#include "graph/file/format.h"
#include "kernels/base/checked.h"

namespace runnel::rnl {
namespace {

Status too_large() noexcept { return Status::error(Code::invalid_argument, "model writer: the sizes overflow"); }

// The layer of each tensor's first use; UINT32_MAX where no node uses it.
[[nodiscard]] bool tensor_layers(const Graph& graph, Array<uint32_t>* layers) noexcept {
  if (!layers->resize(graph.tensors.size())) return false;
  for (uint32_t& layer : *layers) layer = UINT32_MAX;
  for (const Node& node : graph.nodes) {
    for (uint32_t i = 0; i < node.input_count; ++i) {
      if (node.inputs[i] >= graph.values.size()) continue;
      const uint32_t tensor = graph.values[node.inputs[i]].tensor;
      if (tensor < layers->size() && (*layers)[tensor] == UINT32_MAX) (*layers)[tensor] = node.layer;
    }
  }
  return true;
}

// "12.attn.qkv" -> 12; UINT32_MAX for a name without a layer.
uint32_t named_layer(const char* name) noexcept {
  uint32_t layer = 0;
  const char* p = name;
  for (; *p >= '0' && *p <= '9' && p - name < 9; ++p) layer = layer * 10 + static_cast<uint32_t>(*p - '0');
  return p != name && *p == '.' ? layer : UINT32_MAX;
}

// Moves *end to a multiple of `alignment`, puts `bytes` there, and says where.
[[nodiscard]] bool place(uint64_t bytes, uint64_t alignment, uint64_t* end, uint64_t* at) noexcept {
  return checked_align(*end, alignment, at) && checked_add(*at, bytes, end);
}

}  // namespace

Status lay_out_data(const ModelSpec& spec, Layout* layout) noexcept {
  const Graph& graph = *spec.graph;
  Array<uint32_t> layers;
  if (!layout->sections.resize(spec.sections.size()) || !tensor_layers(graph, &layers) ||
      !layout->tensors.append(graph.tensors)) {
    return out_of_memory("model writer", "the layout");
  }
  uint64_t end = 0;
  for (size_t i = 0; i < spec.sections.size(); ++i) {
    SectionPlace& section = layout->sections[i];
    section.bytes = spec.sections[i].bytes.size();
    if (!place(section.bytes, kTensorAlignment, &end, &section.offset)) return too_large();
  }
  // A layer is what is first used in it and named after it: an embedding is used in layer 0, and apart from it.
  uint32_t layer = UINT32_MAX, name = UINT32_MAX;
  for (size_t i = 0; i < layout->tensors.size(); ++i) {
    TensorDesc& tensor = layout->tensors[i];
    if (!tensor_layout(&tensor)) {
      return Status::error(Code::invalid_argument, "model writer: tensor %s is (%u, %u): empty or too large",
                           tensor.name, tensor.rows, tensor.cols);
    }
    const bool begins_layer = i == 0 || layers[i] != layer || named_layer(tensor.name) != name;
    layer = layers[i];
    name = named_layer(tensor.name);
    if (!place(tensor.bytes, begins_layer ? kLayerAlignment : kTensorAlignment, &end, &tensor.offset)) {
      return too_large();
    }
  }
  layout->data_bytes = end;
  layout->weights_begin = layout->tensors.empty() ? end : layout->tensors[0].offset;
  return {};
}

Status lay_out_shards(const WriterOptions& options, uint64_t header_bytes, Layout* layout) noexcept {
  uint64_t single_offset = 0, first_offset = 0, single_bytes = 0;
  if (!checked_align(kPreludeBytes + header_bytes, kLayerAlignment, &single_offset) ||
      !checked_align(kPreludeBytes + header_bytes, kShardDataAlignment, &first_offset) ||
      !checked_add(single_offset, layout->data_bytes, &single_bytes)) {
    return too_large();
  }
  if (first_offset > kMaxHeaderBytes) {
    return Status::error(Code::invalid_argument, "model writer: a header of %llu bytes, at most %llu are allowed",
                         static_cast<unsigned long long>(header_bytes),
                         static_cast<unsigned long long>(kMaxHeaderBytes));
  }
  layout->shards.clear();
  layout->file_bytes = single_bytes;
  if (options.shard_bytes == 0 || single_bytes <= options.shard_bytes) {
    if (!layout->shards.push({0, layout->data_bytes, single_offset}))
      return out_of_memory("model writer", "the shards");
    return {};
  }
  layout->file_bytes = layout->data_bytes;
  for (uint64_t begin = 0; begin < layout->data_bytes;) {
    const uint64_t offset = begin == 0 ? first_offset : kShardDataAlignment;
    const uint64_t room = options.shard_bytes > offset ? options.shard_bytes - offset : 0;
    uint64_t bytes = room / options.chunk_bytes * options.chunk_bytes;
    if (bytes == 0) {
      return Status::error(Code::invalid_argument,
                           "model writer: shards of %llu bytes are too small: this model needs at least %llu",
                           static_cast<unsigned long long>(options.shard_bytes),
                           static_cast<unsigned long long>(first_offset + options.chunk_bytes));
    }
    if (bytes > layout->data_bytes - begin) bytes = layout->data_bytes - begin;
    if (layout->shards.size() == kMaxShards) {
      return Status::error(Code::invalid_argument, "model writer: more than %u shards", kMaxShards);
    }
    if (!layout->shards.push({begin, bytes, offset})) return out_of_memory("model writer", "the shards");
    layout->file_bytes += offset;
    begin += bytes;
  }
  return {};
}

}  // namespace runnel::rnl
