#include "graph/cost.h"

#include <algorithm>

#include "graph/op.h"

namespace runnel {
namespace {

double rows_of(const Shape& shape, const StepShape& step) noexcept {
  switch (shape.kind) {
    case Rows::fixed: return shape.rows;
    case Rows::tokens: return step.tokens;
    case Rows::outputs: return step.outputs;
  }
  return 0;
}

NodeCost linear_cost(const Graph& graph, const Node& node, const StepShape& step) noexcept {
  const TensorDesc& weight = graph.tensors[graph.values[node.inputs[1]].tensor];
  const double rows = rows_of(graph.values[node.outputs[0]].shape, step);
  if (rows == 0) return {};
  return {static_cast<double>(weight.bytes), rows * weight.rows * weight.cols};
}

// A token sees those before it and itself, as far as the window reaches.
NodeCost attention_cost(const Graph& graph, const Node& node, const StepShape& step, double kv_value_bytes) noexcept {
  const StateSlot& slot = graph.slots[static_cast<size_t>(node.attrs[node.op->slot_attr])];
  const double window = slot.window == 0 ? UINT32_MAX : slot.window;
  const double end = static_cast<double>(step.first_position) + step.tokens;
  const double first_seen = std::max(0.0, step.first_position + 1.0 - window);
  double seen = 0;
  for (uint32_t t = 0; t < step.tokens; ++t) seen += std::min(step.first_position + t + 1.0, window);
  const double columns = graph.values[node.outputs[0]].shape.cols;  // all query heads'
  return {(end - first_seen) * 2 * slot.kv_heads * slot.head_dim * kv_value_bytes, 2 * seen * columns};
}

}  // namespace

StepCost step_cost(const Graph& graph) noexcept {
  StepCost cost;
  for (const Node& node : graph.nodes) {
    if (node.op != &op_linear) continue;
    const TensorDesc& weight = graph.tensors[graph.values[node.inputs[1]].tensor];
    cost.weight_bytes += weight.bytes;
    const uint64_t macs = uint64_t{weight.rows} * weight.cols;
    (graph.values[node.outputs[0]].shape.kind == Rows::outputs ? cost.macs_per_output : cost.macs_per_token) += macs;
  }
  for (const StateSlot& slot : graph.slots) cost.kv_values_per_token += 2ull * slot.kv_heads * slot.head_dim;
  return cost;
}

NodeCost node_cost(const Graph& graph, const Node& node, const StepShape& step, double kv_value_bytes) noexcept {
  if (node.op == &op_linear) return linear_cost(graph, node, step);
  if (node.op == &op_attention) return attention_cost(graph, node, step, kv_value_bytes);
  NodeCost cost;
  const auto add = [&](ValueId id) {
    const Value& value = graph.values[id];
    if (value.tensor == UINT32_MAX) cost.bytes += rows_of(value.shape, step) * value.shape.cols * sizeof(float);
  };
  for (uint32_t i = 0; i < node.input_count; ++i) add(node.inputs[i]);
  for (uint32_t i = 0; i < node.output_count; ++i) add(node.outputs[i]);
  return cost;
}

}  // namespace runnel
