// GraphBuilder's weights: declared, fused, and at last put into execution order.
#include <cstdio>
#include <cstring>

#include "graph/builder.h"
#include "graph/op.h"

namespace runnel {

BuildValue GraphBuilder::new_weight(const char* name, DType dtype, uint32_t rows, uint32_t cols,
                                    Array<uint32_t> parts) noexcept {
  Weight weight;
  weight.parts = std::move(parts);
  if (std::strlen(name) >= sizeof weight.desc.name) {
    fail(Status::error(Code::invalid_argument, "builder: the weight name %s is longer than %zu bytes", name,
                       sizeof weight.desc.name - 1));
    return {};
  }
  std::snprintf(weight.desc.name, sizeof weight.desc.name, "%s", name);
  weight.desc.dtype = dtype;
  weight.desc.rows = rows;
  weight.desc.cols = cols;
  if (!tensor_layout(&weight.desc)) {
    fail(Status::error(Code::invalid_argument, "builder: weight %s is (%u, %u): empty or too large", name, rows, cols));
    return {};
  }
  const auto index = static_cast<uint32_t>(weights_.size());
  if (!weights_.push(std::move(weight))) {
    fail(out_of_memory("builder", "a weight"));
    return {};
  }
  return new_value({Rows::fixed, rows, cols}, index);
}

BuildValue GraphBuilder::weight(const char* name, DType dtype, uint32_t rows, uint32_t cols) noexcept {
  if (failed()) return {};
  Array<uint32_t> parts;
  if (!parts.push(declared_count_)) {
    fail(out_of_memory("builder", "a weight"));
    return {};
  }
  const BuildValue value = new_weight(name, dtype, rows, cols, std::move(parts));
  if (failed()) return {};
  ++declared_count_;
  return value;
}

const GraphBuilder::Weight* GraphBuilder::find_weight(BuildValue value) const noexcept {
  if (value.id >= graph_.values.size()) return nullptr;
  const uint32_t index = graph_.values[value.id].tensor;
  return index == UINT32_MAX ? nullptr : &weights_[index];
}

BuildValue GraphBuilder::fuse(const char* name, std::span<const BuildValue> weights) noexcept {
  Array<uint32_t> parts;
  uint64_t rows = 0;
  TensorDesc first;
  for (size_t i = 0; i < weights.size(); ++i) {
    const Weight* weight = find_weight(weights[i]);
    if (weight == nullptr) {
      fail(Status::error(Code::invalid_argument, "builder: %s: part %zu is no declared weight", name, i));
      return {};
    }
    const TensorDesc& desc = weight->desc;
    // Vectors lie side by side in columns, matrices one below the other.
    const bool is_vector = desc.rows == 1;
    if (i == 0) first = desc;
    if (desc.dtype != first.dtype || is_vector != (first.rows == 1) || (!is_vector && desc.cols != first.cols)) {
      fail(Status::error(Code::invalid_argument, "builder: %s: part %s (%u, %u) does not fit %s (%u, %u)", name,
                         desc.name, desc.rows, desc.cols, first.name, first.rows, first.cols));
      return {};
    }
    rows += is_vector ? desc.cols : desc.rows;
    if (!parts.append(weight->parts)) {
      fail(out_of_memory("builder", "a fused weight"));
      return {};
    }
    weights_[graph_.values[weights[i].id].tensor].is_part = true;
  }
  if (rows > UINT32_MAX) {
    fail(Status::error(Code::invalid_argument, "builder: %s: %llu rows", name, static_cast<unsigned long long>(rows)));
    return {};
  }
  const auto count = static_cast<uint32_t>(rows);
  return first.rows == 1 ? new_weight(name, first.dtype, 1, count, std::move(parts))
                         : new_weight(name, first.dtype, count, first.cols, std::move(parts));
}

Status GraphBuilder::order_tensors(Graph* graph, Array<WeightSource>* sources) noexcept {
  const Status no_memory = out_of_memory("builder", "the graph");
  Array<uint32_t> tensor_of;  // by weight
  Array<ValueId> value_of;    // by old value
  if (!tensor_of.resize(weights_.size()) || !value_of.resize(graph_.values.size())) return no_memory;
  for (uint32_t& tensor : tensor_of) tensor = UINT32_MAX;
  for (const Node& node : graph_.nodes) {
    for (uint32_t i = 0; i < node.input_count; ++i) {
      const uint32_t index = graph_.values[node.inputs[i]].tensor;
      if (index == UINT32_MAX || tensor_of[index] != UINT32_MAX) continue;
      tensor_of[index] = static_cast<uint32_t>(graph->tensors.size());
      WeightSource source;
      source.parts = std::move(weights_[index].parts);
      if (!graph->tensors.push(weights_[index].desc) || !sources->push(std::move(source))) return no_memory;
    }
  }
  for (size_t i = 0; i < weights_.size(); ++i) {
    if (tensor_of[i] == UINT32_MAX && !weights_[i].is_part) {
      return Status::error(Code::invalid_argument, "builder: weight %s is used by no node", weights_[i].desc.name);
    }
  }
  // Weights that live on only as parts leave the graph.
  for (size_t i = 0; i < graph_.values.size(); ++i) {
    Value value = graph_.values[i];
    if (value.tensor != UINT32_MAX) {
      value.tensor = tensor_of[value.tensor];
      if (value.tensor == UINT32_MAX) continue;
    }
    value_of[i] = static_cast<ValueId>(graph->values.size());
    if (!graph->values.push(value)) return no_memory;
  }
  for (Node node : graph_.nodes) {
    for (uint32_t i = 0; i < node.input_count; ++i) node.inputs[i] = value_of[node.inputs[i]];
    for (uint32_t i = 0; i < node.output_count; ++i) node.outputs[i] = value_of[node.outputs[i]];
    if (!graph->nodes.push(node)) return no_memory;
  }
  graph->slots = std::move(graph_.slots);
  graph->logits = value_of[graph->logits];
  return {};
}

Status GraphBuilder::finish(BuildValue logits, Graph* graph, Array<WeightSource>* sources) noexcept {
  RUNNEL_TRY(status_);
  if (logits.id >= graph_.values.size()) {
    return Status::error(Code::invalid_argument, "builder: the logits are no value");
  }
  Graph ordered;
  Array<WeightSource> ordered_sources;
  ordered.logits = logits.id;
  RUNNEL_TRY(order_tensors(&ordered, &ordered_sources));
  RUNNEL_TRY(verify_graph(ordered));
  *graph = std::move(ordered);
  *sources = std::move(ordered_sources);
  return {};
}

}  // namespace runnel
