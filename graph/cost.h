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

}  // namespace runnel
