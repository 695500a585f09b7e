#include "tests/support/graph_runner.h"

#include <numeric>
#include <stdexcept>

namespace runnel::test {
namespace {

CpuExecutor make(const Graph& graph, const GraphWeights& weights, const ExecutorOptions& options) {
  Result<CpuExecutor> executor = CpuExecutor::create(graph, weights.view(), options);
  if (!executor.ok()) throw std::runtime_error(executor.status().message());
  return *std::move(executor);
}

}  // namespace

GraphRunner::GraphRunner(const Graph& graph, const GraphWeights& weights, ExecutorOptions options, uint32_t page_seed)
    : vocab_(graph.values[graph.logits].shape.cols),
      executor_(make(graph, weights, options)),
      pages_(executor_.plan().kv, kPages, page_seed) {}

Status GraphRunner::step(const std::vector<int32_t>& ids, const std::vector<uint32_t>& output_rows,
                         ParallelFor& workers, std::vector<float>* logits) {
  logits->assign(output_rows.size() * vocab_, 0);
  StepInput input;
  input.ids = ids;
  input.first_position = position;
  input.pages = pages_.tables();
  input.output_rows = output_rows;
  input.logits = logits->data();
  RUNNEL_TRY(executor_.run(input, workers));
  position += static_cast<uint32_t>(ids.size());
  return {};
}

std::vector<float> GraphRunner::all(const std::vector<int32_t>& ids, ParallelFor& workers) {
  std::vector<uint32_t> rows(ids.size());
  std::iota(rows.begin(), rows.end(), 0u);
  std::vector<float> logits;
  const Status status = step(ids, rows, workers, &logits);
  if (!status.ok()) throw std::runtime_error(status.message());
  return logits;
}

std::vector<float> GraphRunner::one_by_one(const std::vector<int32_t>& ids, ParallelFor& workers) {
  std::vector<float> every;
  for (int32_t id : ids) {
    const std::vector<float> logits = all({id}, workers);
    every.insert(every.end(), logits.begin(), logits.end());
  }
  return every;
}

}  // namespace runnel::test
