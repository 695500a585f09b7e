// Runs a graph in double precision with plain loops, straight from the ops' formulas: what back ends are tested
// against.
#pragma once

#include <vector>

#include "graph/graph.h"
#include "tests/support/graph_weights.h"

namespace runnel::test {

// Logits (output_rows, vocab) of a sequence from position 0 on. Keys and values are rounded to f16 as the pages hold
// them; nothing else is rounded.
std::vector<double> run_reference(const Graph& graph, const GraphWeights& weights, const std::vector<int32_t>& ids,
                                  const std::vector<uint32_t>& output_rows);

}  // namespace runnel::test
