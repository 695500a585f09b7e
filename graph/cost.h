// What a step costs at least: the bytes a decode step must read and the multiplications of one token. The limits that
// benchmarks are held against follow from these and from the machine's measured rates.
#pragma once

#include "graph/graph.h"

namespace runnel {

struct StepCost {
  uint64_t weight_bytes = 0;         // of all linears: read once a decode step
  uint64_t macs_per_token = 0;       // of the linears that run for every token
  uint64_t macs_per_output = 0;      // of those that run only for rows with logits
  uint64_t kv_values_per_token = 0;  // keys and values that one past token adds to every later step's reads
};

StepCost step_cost(const Graph& graph) noexcept;

struct StepShape {
  uint32_t first_position, tokens, outputs;
};

struct NodeCost {
  double bytes = 0;  // read from where they lie: weights of a linear, keys and values, else activations in and out
  double macs = 0;   // multiply-adds of linears and of attention; other ops' are not counted
};

// Of one node in one step. kv_value_bytes: of a stored key or value, on average.
NodeCost node_cost(const Graph& graph, const Node& node, const StepShape& step, double kv_value_bytes) noexcept;

}  // namespace runnel
