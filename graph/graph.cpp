// verify_graph: no id, count, shape, layout or attribute of a graph is used before it was checked here.
#include "graph/graph.h"

#include <cmath>
#include <cstring>

#include "graph/op.h"
#include "kernels/attention/attention.h"
#include "kernels/base/checked.h"

namespace runnel {
namespace {

Status fail_count(const char* what, size_t count, size_t limit) noexcept {
  return Status::error(Code::invalid_argument, "graph: %zu %s, at most %zu are allowed", count, what, limit);
}

Status verify_tensor(const TensorDesc& desc, size_t index) noexcept {
  if (desc.name[0] == '\0' || std::memchr(desc.name, '\0', sizeof desc.name) == nullptr) {
    return Status::error(Code::invalid_argument, "graph: tensor %zu has no proper name", index);
  }
  if (find_dtype(static_cast<uint32_t>(desc.dtype)) == nullptr) {
    return Status::error(Code::unsupported, "graph: tensor %s has the unknown storage type %u", desc.name,
                         static_cast<unsigned>(desc.dtype));
  }
  TensorDesc expected = desc;
  if (!tensor_layout(&expected)) {
    return Status::error(Code::invalid_argument, "graph: tensor %s is (%u, %u): empty or too large", desc.name,
                         desc.rows, desc.cols);
  }
  if (desc.rows == 1 && desc.dtype != DType::f32) {
    return Status::error(Code::invalid_argument, "graph: tensor %s is a vector of %s, expected f32", desc.name,
                         dtype_info(desc.dtype).name);
  }
  if (desc.nr != expected.nr || desc.kr != expected.kr) {
    return Status::error(Code::unsupported, "graph: tensor %s is packed %ux%u, this runtime packs %s %ux%u", desc.name,
                         desc.nr, desc.kr, dtype_info(desc.dtype).name, expected.nr, expected.kr);
  }
  if (desc.bytes != expected.bytes || desc.offset % 64 != 0) {
    return Status::error(Code::invalid_argument,
                         "graph: tensor %s has %llu bytes at offset %llu, expected %llu bytes at a multiple of 64",
                         desc.name, static_cast<unsigned long long>(desc.bytes),
                         static_cast<unsigned long long>(desc.offset), static_cast<unsigned long long>(expected.bytes));
  }
  return {};
}

Status verify_attrs(const Node& node) noexcept {
  const OpDef& op = *node.op;
  for (size_t i = 0; i < kMaxAttrs; ++i) {
    const double value = node.attrs[i];
    if (i >= op.attrs.size()) {
      if (value == 0) continue;
      return Status::error(Code::invalid_argument, "%s: attribute %zu of %zu is set", op.name, i, op.attrs.size());
    }
    const AttrDef& def = op.attrs[i];
    // Written so that not-a-number fails.
    if (!(value >= def.min && value <= def.max)) {
      return Status::error(Code::invalid_argument, "%s: %s is %g, expected %g to %g", op.name, def.name, value, def.min,
                           def.max);
    }
    if (def.kind == AttrDef::Kind::integer && value != std::floor(value)) {
      return Status::error(Code::invalid_argument, "%s: %s is %g, expected a whole number", op.name, def.name, value);
    }
  }
  return {};
}

Status verify_counts(const Node& node) noexcept {
  if (node.op == nullptr) return Status::error(Code::invalid_argument, "graph: node without an op");
  const OpDef& op = *node.op;
  if (node.input_count < op.min_inputs || node.input_count > op.max_inputs) {
    return Status::error(Code::invalid_argument, "%s: %u inputs, expected %u to %u", op.name, node.input_count,
                         op.min_inputs, op.max_inputs);
  }
  if (node.output_count < op.min_outputs || node.output_count > op.max_outputs) {
    return Status::error(Code::invalid_argument, "%s: %u outputs, expected %u to %u", op.name, node.output_count,
                         op.min_outputs, op.max_outputs);
  }
  return {};
}

// What verification has learnt while it walks the nodes.
struct Walk {
  const Graph& graph;
  Array<uint8_t> defined;    // by value
  Array<uint8_t> slot_used;  // by slot
};

Status infer_node(Walk& walk, const Node& node) noexcept {
  const Graph& graph = walk.graph;
  const OpDef& op = *node.op;
  InferInput in[kMaxInputs] = {};
  for (uint32_t i = 0; i < node.input_count; ++i) {
    const ValueId id = node.inputs[i];
    if (id >= graph.values.size()) {
      return Status::error(Code::invalid_argument, "%s: input %u is value %u of %zu", op.name, i, id,
                           graph.values.size());
    }
    if (!walk.defined[id]) {
      return Status::error(Code::invalid_argument, "%s: input %u (value %u) is used before it is made", op.name, i, id);
    }
    const Value& value = graph.values[id];
    in[i] = {value.shape, value.tensor != UINT32_MAX, DType::f32};
    if (in[i].is_weight) in[i].dtype = graph.tensors[value.tensor].dtype;
  }
  Shape out[kMaxOutputs] = {};
  const InferArgs args = {
      &op, {in, node.input_count}, {node.attrs, op.attrs.size()}, graph.slots, {out, node.output_count}};
  if (op.slot_attr >= 0) {
    const auto slot = static_cast<size_t>(node.attrs[op.slot_attr]);
    if (slot >= graph.slots.size()) {
      return Status::error(Code::invalid_argument, "%s: slot %zu of %zu", op.name, slot, graph.slots.size());
    }
    if (walk.slot_used[slot]) {
      return Status::error(Code::invalid_argument, "%s: slot %zu is written by two nodes", op.name, slot);
    }
    walk.slot_used[slot] = 1;
  }
  RUNNEL_TRY(op.infer(args));
  for (uint32_t i = 0; i < node.output_count; ++i) {
    const ValueId id = node.outputs[i];
    if (id >= graph.values.size()) {
      return Status::error(Code::invalid_argument, "%s: output %u is value %u of %zu", op.name, i, id,
                           graph.values.size());
    }
    if (walk.defined[id]) {
      return Status::error(Code::invalid_argument, "%s: output %u (value %u) is a weight or made twice", op.name, i,
                           id);
    }
    walk.defined[id] = 1;
    const Shape& declared = graph.values[id].shape;
    if (declared != out[i]) {
      return Status::error(
          Code::invalid_argument,
          "%s: output %u is declared (kind %u, %u rows, %u cols), expected (kind %u, %u rows, %u cols)", op.name, i,
          static_cast<unsigned>(declared.kind), declared.rows, declared.cols, static_cast<unsigned>(out[i].kind),
          out[i].rows, out[i].cols);
    }
    if (declared.cols == 0 || declared.cols > kMaxCols) {
      return Status::error(Code::invalid_argument, "%s: output %u has %u columns, expected 1 to %u", op.name, i,
                           declared.cols, kMaxCols);
    }
  }
  return {};
}

Status verify_slot(const StateSlot& slot, size_t index) noexcept {
  if (slot.kv_heads >= 1 && slot.kv_heads <= 4096 && slot.head_dim >= 1 && slot.head_dim <= kMaxHeadDim) return {};
  return Status::error(Code::invalid_argument,
                       "graph: slot %zu has %u kv heads of %u, expected 1 to 4096 heads of 1 to 512", index,
                       slot.kv_heads, slot.head_dim);
}

}  // namespace

bool tensor_layout(TensorDesc* desc) noexcept {
  const DTypeInfo& type = dtype_info(desc->dtype);
  PackedShape shape;
  if (!packed_shape(type, desc->rows, desc->cols, &shape)) return false;
  const bool is_vector = desc->rows == 1;
  desc->nr = is_vector ? 1 : type.nr;
  desc->kr = is_vector ? 1 : type.kr;
  desc->bytes = is_vector ? uint64_t{shape.blocks} * type.block_bytes : shape.bytes;
  return true;
}

Status verify_graph(const Graph& graph) noexcept {
  if (graph.nodes.size() > kMaxNodes) return fail_count("nodes", graph.nodes.size(), kMaxNodes);
  if (graph.values.size() > kMaxValues) return fail_count("values", graph.values.size(), kMaxValues);
  if (graph.tensors.size() > kMaxValues) return fail_count("tensors", graph.tensors.size(), kMaxValues);
  if (graph.slots.size() > kMaxSlots) return fail_count("state slots", graph.slots.size(), kMaxSlots);
  for (size_t i = 0; i < graph.tensors.size(); ++i) RUNNEL_TRY(verify_tensor(graph.tensors[i], i));
  for (size_t i = 0; i < graph.slots.size(); ++i) RUNNEL_TRY(verify_slot(graph.slots[i], i));

  Walk walk{graph, {}, {}};
  if (!walk.defined.resize(graph.values.size()) || !walk.slot_used.resize(graph.slots.size())) {
    return out_of_memory("graph", "verification");
  }
  for (size_t i = 0; i < graph.values.size(); ++i) {
    const Value& value = graph.values[i];
    if (value.tensor == UINT32_MAX) continue;
    if (value.tensor >= graph.tensors.size()) {
      return Status::error(Code::invalid_argument, "graph: value %zu is tensor %u of %zu", i, value.tensor,
                           graph.tensors.size());
    }
    const TensorDesc& desc = graph.tensors[value.tensor];
    if (value.shape != Shape{Rows::fixed, desc.rows, desc.cols}) {
      return Status::error(Code::invalid_argument, "graph: value %zu is (%u, %u), its tensor %s is (%u, %u)", i,
                           value.shape.rows, value.shape.cols, desc.name, desc.rows, desc.cols);
    }
    walk.defined[i] = 1;
  }
  uint32_t layer = 0;
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    Status status = verify_counts(node);
    if (status.ok()) status = verify_attrs(node);
    if (status.ok()) status = infer_node(walk, node);
    if (status.ok() && node.layer < layer) {
      status = Status::error(Code::invalid_argument, "%s: comes after layer %u", node.op->name, layer);
    }
    if (!status.ok()) return std::move(status).with_context("graph: node %zu of layer %u", i, node.layer);
    layer = node.layer;
  }
  for (size_t i = 0; i < graph.values.size(); ++i) {
    if (!walk.defined[i]) return Status::error(Code::invalid_argument, "graph: value %zu is made by no node", i);
  }
  if (graph.logits >= graph.values.size() || graph.values[graph.logits].tensor != UINT32_MAX ||
      graph.values[graph.logits].shape.kind != Rows::outputs) {
    return Status::error(Code::invalid_argument, "graph: logits (value %u) is no activation with one row an output",
                         graph.logits);
  }
  return {};
}

}  // namespace runnel
