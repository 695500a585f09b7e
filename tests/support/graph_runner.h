// Runs a graph over random weights with the CPU executor: its own pages, in any order, any steps.
#pragma once

#include <cstdint>
#include <vector>

#include "graph/cpu/executor.h"
#include "tests/support/graph_weights.h"
#include "tests/support/kv_pages.h"

namespace runnel::test {

class GraphRunner {
 public:
  // page_seed 0: pages in order; otherwise shuffled.
  GraphRunner(const Graph& graph, const GraphWeights& weights, ExecutorOptions options, uint32_t page_seed = 0);

  // One step of these ids after those before; logits of `output_rows` of the step.
  Status step(const std::vector<int32_t>& ids, const std::vector<uint32_t>& output_rows, ParallelFor& workers,
              std::vector<float>* logits);
  // The same with the logits of every row.
  std::vector<float> all(const std::vector<int32_t>& ids, ParallelFor& workers);
  // The whole sequence token by token, the logits of every token.
  std::vector<float> one_by_one(const std::vector<int32_t>& ids, ParallelFor& workers);

  CpuExecutor& executor() { return executor_; }
  uint8_t* const* const* pages() const { return pages_.tables(); }
  uint32_t position = 0;

 private:
  static constexpr uint32_t kPages = 64;
  uint32_t vocab_;
  CpuExecutor executor_;
  KvPages pages_;
};

}  // namespace runnel::test
