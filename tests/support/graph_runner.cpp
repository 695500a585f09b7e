#include "tests/support/graph_runner.h"

#include <algorithm>
#include <numeric>
#include <random>
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
    : vocab_(graph.values[graph.logits].shape.cols), executor_(make(graph, weights, options)) {
  const size_t bytes = executor_.plan().page_bytes + 64;
  for (uint32_t i = 0; i < kPages; ++i) storage_.emplace_back(bytes, uint8_t{0x7f});  // 0x7f7f is not a number
  for (auto& page : storage_) {
    pages_.push_back(reinterpret_cast<uint8_t*>((reinterpret_cast<uintptr_t>(page.data()) + 63) & ~uintptr_t{63}));
  }
  std::mt19937 random(page_seed);
  if (page_seed != 0) std::shuffle(pages_.begin(), pages_.end(), random);
}

Status GraphRunner::step(const std::vector<int32_t>& ids, const std::vector<uint32_t>& output_rows,
                         ParallelFor& workers, std::vector<float>* logits) {
  logits->assign(output_rows.size() * vocab_, 0);
  StepInput input;
  input.ids = ids;
  input.first_position = position;
  input.pages = pages_.data();
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
