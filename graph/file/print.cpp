#include "graph/file/print.h"

#include <algorithm>
#include <cinttypes>
#include <cstring>

#include "graph/file/format.h"
#include "graph/file/model_generated.h"
#include "graph/file/text_out.h"
#include "graph/op.h"

namespace runnel {
namespace {

const fb::Model& header_of(const ModelFile& file) noexcept { return *static_cast<const fb::Model*>(file.header()); }

template <class T>
size_t count(const T* list) noexcept {
  return list == nullptr ? 0 : list->size();
}

void print_line(TextOut& out, const char* label, std::string_view text) noexcept {
  out.print("%-14s", label);
  out.escaped(text);
  out.print("\n");
}

void print_shape(TextOut& out, const Shape& shape) noexcept {
  switch (shape.kind) {
    case Rows::fixed: out.print("(%u, %u)", shape.rows, shape.cols); break;
    case Rows::tokens: out.print("(tokens, %u)", shape.cols); break;
    case Rows::outputs: out.print("(outputs, %u)", shape.cols); break;
  }
}

// "%12" for an activation, the tensor's name for a weight.
void print_value(TextOut& out, const Graph& graph, ValueId id) noexcept {
  const Value& value = graph.values[id];
  if (value.tensor == UINT32_MAX) {
    out.print("%%%u", id);
  } else {
    out.print("%s", graph.tensors[value.tensor].name);
  }
}

void print_attributes(TextOut& out, const Node& node) noexcept {
  for (size_t i = 0; i < node.op->attrs.size(); ++i) {
    out.print(" %s=%.9g", node.op->attrs[i].name, node.attrs[i]);
  }
}

// Bytes by storage type, in the order of first use.
void print_types(TextOut& out, const Graph& graph) noexcept {
  uint64_t bytes[256] = {}, weights = 0, total = 0;
  uint32_t tensors[256] = {};
  for (const TensorDesc& t : graph.tensors) {
    bytes[static_cast<uint8_t>(t.dtype)] += t.bytes;
    ++tensors[static_cast<uint8_t>(t.dtype)];
    weights += uint64_t{t.rows} * t.cols;
    total += t.bytes;
  }
  out.print("%-14s%" PRIu64 " in %zu tensors, %.2f bits each\n", "parameters", weights, graph.tensors.size(),
            weights == 0 ? 0.0 : 8.0 * static_cast<double>(total) / static_cast<double>(weights));
  for (const DTypeInfo* type : dtypes()) {
    const auto id = static_cast<uint8_t>(type->dtype);
    if (tensors[id] == 0) continue;
    out.print("  %-12s%u tensors, ", type->name, tensors[id]);
    out.size(bytes[id]);
    out.print("\n");
  }
}

void print_lists(TextOut& out, const fb::Model& header) noexcept {
  out.print("%-14s", "ops");
  for (size_t i = 0; i < count(header.ops()); ++i)
    out.print("%s%s", i ? ", " : "", header.ops()->Get(i)->name()->c_str());
  out.print("\n%-14sop set %u, runtime %s or later\n", "needs", header.op_set(),
            rnl::version_text(header.minimum_runtime()).text);
  for (size_t i = 0; i < count(header.sections()); ++i) {
    out.print("%-14s%s, ", i == 0 ? "sections" : "", header.sections()->Get(i)->name()->c_str());
    out.size(header.sections()->Get(i)->bytes());
    out.print("\n");
  }
  out.print("%-14s%zu texts, %zu chats\n", "golden", count(header.golden_texts()), count(header.golden_chats()));
  for (size_t i = 0; i < count(header.quality()); ++i) {
    const fb::Quality& q = *header.quality()->Get(i);
    out.print("%-14s", i == 0 ? "quality" : "");
    out.escaped(q.metric()->string_view());
    out.print(" %.6g on ", q.value());
    out.escaped(q.data()->string_view());
    out.print("\n");
  }
  for (size_t i = 0; i < count(header.provenance()); ++i) {
    const fb::KeyValue& kv = *header.provenance()->Get(i);
    out.print("%-14s", i == 0 ? "provenance" : "");
    out.escaped(kv.key()->string_view());
    out.print(" = ");
    out.escaped(kv.value()->string_view());
    out.print("\n");
  }
}

void print_worst(TextOut& out, const fb::Model& header) noexcept {
  const auto& tensors = *header.tensors();
  uint32_t worst = 0;
  for (uint32_t i = 1; i < tensors.size(); ++i) {
    if (tensors.Get(i)->relative_rms() > tensors.Get(worst)->relative_rms()) worst = i;
  }
  if (tensors.size() == 0 || !(tensors.Get(worst)->relative_rms() > 0)) return;
  out.print("%-14s%.3g relative RMS, %s\n", "worst error", static_cast<double>(tensors.Get(worst)->relative_rms()),
            tensors.Get(worst)->name()->c_str());
}

// The layer of each tensor's first use.
[[nodiscard]] bool first_layers(const Graph& graph, Array<uint32_t>* layers) noexcept {
  if (!layers->resize(graph.tensors.size())) return false;
  for (uint32_t& layer : *layers) layer = UINT32_MAX;
  for (const Node& node : graph.nodes) {
    for (uint32_t i = 0; i < node.input_count; ++i) {
      const uint32_t tensor = graph.values[node.inputs[i]].tensor;
      if (tensor != UINT32_MAX && (*layers)[tensor] == UINT32_MAX) (*layers)[tensor] = node.layer;
    }
  }
  return true;
}

}  // namespace

Status print_summary(const ModelFile& file, Array<char>* text) noexcept {
  TextOut out(text);
  const Graph& graph = file.graph();
  const fb::Model& header = header_of(file);
  print_line(out, "name", file.name());
  print_line(out, "architecture", file.architecture());
  print_line(out, "weights", file.weights_label());
  print_line(out, "hash", file.hash_hex());
  print_line(out, "signed by", file.signer_hex().empty() ? "nobody" : file.signer_hex());
  out.print("%-14s", "file");
  out.size(file.file_bytes());
  out.print(" in %zu %s, header ", count(header.shards()), count(header.shards()) == 1 ? "file" : "shards");
  out.size(file.header_bytes());
  out.print(", %zu hashed chunks\n", count(header.chunks()));
  out.print("%-14s%u tokens as trained\n", "context", file.context_length());
  out.print("%-14s%u tokens, ends at", "vocabulary", file.vocab_size());
  for (const int32_t id : file.end_ids()) out.print(" %d", id);
  out.print("\n%-14s%s\n", "chat template", file.chat_template().empty() ? "none" : "yes");
  const uint32_t layers = graph.nodes.empty() ? 0 : graph.nodes.back().layer;
  out.print("%-14s%zu nodes, %zu values, %u layers, %zu state slots\n", "graph", graph.nodes.size(),
            graph.values.size(), layers, graph.slots.size());
  print_types(out, graph);
  print_worst(out, header);
  print_lists(out, header);
  return out.status();
}

Status print_tensors(const ModelFile& file, Array<char>* text) noexcept {
  const Graph& graph = file.graph();
  Array<uint32_t> layers;
  if (!first_layers(graph, &layers)) return out_of_memory("inspect", "the layers");
  TextOut out(text);
  int width = 6;
  for (const TensorDesc& t : graph.tensors) width = std::max(width, static_cast<int>(std::strlen(t.name)));
  out.print("%5s  %-*s  %-11s  %16s  %6s  %14s  %12s  %s\n", "layer", width, "tensor", "type", "shape", "panel",
            "offset", "bytes", "error");
  for (size_t i = 0; i < graph.tensors.size(); ++i) {
    const TensorDesc& t = graph.tensors[i];
    char shape[32], panel[32];
    std::snprintf(shape, sizeof shape, "(%u, %u)", t.rows, t.cols);
    std::snprintf(panel, sizeof panel, "%ux%u", t.nr, t.kr);
    if (layers[i] == UINT32_MAX) {
      out.print("%5s", "-");
    } else {
      out.print("%5u", layers[i]);
    }
    out.print("  %-*s  %-11s  %16s  %6s  %14" PRIu64 "  %12" PRIu64, width, t.name, dtype_info(t.dtype).name, shape,
              panel, t.offset, t.bytes);
    const auto error = static_cast<double>(header_of(file).tensors()->Get(static_cast<uint32_t>(i))->relative_rms());
    out.print(error > 0 ? "  %.3g\n" : "\n", error);
  }
  return out.status();
}

Status print_graph(const ModelFile& file, Array<char>* text) noexcept {
  const Graph& graph = file.graph();
  TextOut out(text);
  for (size_t i = 0; i < graph.slots.size(); ++i) {
    const StateSlot& slot = graph.slots[i];
    out.print("slot %zu: %u kv heads of %u", i, slot.kv_heads, slot.head_dim);
    if (slot.window != 0) out.print(", window %u", slot.window);
    out.print("\n");
  }
  uint32_t layer = UINT32_MAX;
  for (const Node& node : graph.nodes) {
    if (node.layer != layer) out.print("layer %u\n", node.layer);
    layer = node.layer;
    out.print("  ");
    for (uint32_t i = 0; i < node.output_count; ++i) {
      out.print("%s", i ? ", " : "");
      print_value(out, graph, node.outputs[i]);
    }
    out.print(" = %s(", node.op->name);
    for (uint32_t i = 0; i < node.input_count; ++i) {
      out.print("%s", i ? ", " : "");
      print_value(out, graph, node.inputs[i]);
    }
    out.print(")");
    print_attributes(out, node);
    out.print(" ->");
    for (uint32_t i = 0; i < node.output_count; ++i) {
      out.print(" ");
      print_shape(out, graph.values[node.outputs[i]].shape);
    }
    out.print("\n");
  }
  out.print("logits ");
  print_value(out, graph, graph.logits);
  out.print(" ");
  print_shape(out, graph.values[graph.logits].shape);
  out.print("\n");
  return out.status();
}

Status print_dot(const ModelFile& file, Array<char>* text) noexcept {
  const Graph& graph = file.graph();
  TextOut out(text);
  Array<uint32_t> maker;  // the node that makes each value
  if (!maker.resize(graph.values.size())) return out_of_memory("inspect", "the edges");
  out.print("digraph model {\n  node [shape=box, fontname=\"monospace\"];\n");
  uint32_t layer = UINT32_MAX;
  for (uint32_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    if (node.layer != layer) {
      out.print("%s  subgraph cluster_%u {\n    label=\"layer %u\";\n", i == 0 ? "" : "  }\n", node.layer, node.layer);
    }
    layer = node.layer;
    out.print("    n%u [label=\"%s", i, node.op->name);
    for (uint32_t j = 0; j < node.input_count; ++j) {
      const uint32_t tensor = graph.values[node.inputs[j]].tensor;
      if (tensor == UINT32_MAX) continue;
      // Names are printable ASCII; a quote or backslash would still end the label.
      out.print("\\n");
      for (const char* c = graph.tensors[tensor].name; *c != '\0'; ++c) {
        out.print(*c == '"' || *c == '\\' ? "\\%c" : "%c", *c);
      }
    }
    out.print("\"];\n");
    for (uint32_t j = 0; j < node.output_count; ++j) maker[node.outputs[j]] = i;
  }
  if (!graph.nodes.empty()) out.print("  }\n");
  for (uint32_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    for (uint32_t j = 0; j < node.input_count; ++j) {
      if (graph.values[node.inputs[j]].tensor != UINT32_MAX) continue;
      out.print("  n%u -> n%u [label=\"", maker[node.inputs[j]], i);
      print_shape(out, graph.values[node.inputs[j]].shape);
      out.print("\"];\n");
    }
  }
  out.print("}\n");
  return out.status();
}

}  // namespace runnel
