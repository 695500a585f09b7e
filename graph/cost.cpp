#include "graph/cost.h"

#include <string_view>

#include "graph/op.h"

namespace runnel {

StepCost step_cost(const Graph& graph) noexcept {
  StepCost cost;
  for (const Node& node : graph.nodes) {
    if (std::string_view(node.op->name) != "linear") continue;
    const TensorDesc& weight = graph.tensors[graph.values[node.inputs[1]].tensor];
    cost.weight_bytes += weight.bytes;
    const uint64_t macs = uint64_t{weight.rows} * weight.cols;
    (graph.values[node.outputs[0]].shape.kind == Rows::outputs ? cost.macs_per_output : cost.macs_per_token) += macs;
  }
  for (const StateSlot& slot : graph.slots) cost.kv_values_per_token += 2ull * slot.kv_heads * slot.head_dim;
  return cost;
}

}  // namespace runnel
