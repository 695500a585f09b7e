#include "tests/support/device_runner.h"

#include <algorithm>
#include <numeric>
#include <stdexcept>
#include <string>

namespace runnel::test {

DeviceRunner::DeviceRunner(ComputeDevice& device, const Graph& graph, const WeightView& weights,
                           const ExecutorOptions& options, uint32_t submission_ms, uint32_t context)
    : device_(device), vocab_(graph.values[graph.logits].shape.cols) {
  Result<DeviceExecutor*> made = device.make_executor(graph, weights, {options, context, submission_ms});
  if (!made.ok()) throw std::runtime_error(made.status().message());
  executor_ = *made;
  const KvGroups& kv = executor_->plan().cpu.kv;
  const uint32_t pages = context >> kv.page_shift;
  uint64_t bytes = 0;
  for (uint32_t g = 0; g < kv.count; ++g) bytes += kv.groups[g].page_bytes * pages;
  Result<uint8_t*> memory = device.take_pages(bytes);
  if (!memory.ok()) throw std::runtime_error(memory.status().message());
  memory_ = *memory;
  uint8_t* at = memory_;
  for (uint32_t g = 0; g < kv.count; ++g) {
    tables_.emplace_back();
    for (uint32_t p = 0; p < pages; ++p, at += kv.groups[g].page_bytes) tables_.back().push_back(at);
    std::reverse(tables_.back().begin(), tables_.back().end());  // no order is promised
  }
  for (auto& table : tables_) pointers_.push_back(table.data());
}

DeviceRunner::~DeviceRunner() {
  if (executor_ != nullptr) executor_->destroy();
  device_.give_pages(memory_);
}

Status DeviceRunner::step(const std::vector<int32_t>& ids, const std::vector<uint32_t>& output_rows,
                          std::vector<float>* logits) {
  logits->assign(output_rows.size() * vocab_, 0);
  SerialFor serial;
  StepInput input;
  input.ids = ids;
  input.first_position = position;
  input.pages = pointers_.data();
  input.output_rows = output_rows;
  input.logits = logits->data();
  RUNNEL_TRY(executor_->run(input, serial));
  position += static_cast<uint32_t>(ids.size());
  return {};
}

std::vector<float> DeviceRunner::all(const std::vector<int32_t>& ids) {
  std::vector<uint32_t> rows(ids.size());
  std::iota(rows.begin(), rows.end(), 0u);
  std::vector<float> logits;
  const Status status = step(ids, rows, &logits);
  if (!status.ok()) throw std::runtime_error(status.message());
  return logits;
}

std::vector<int32_t> DeviceRunner::greedy(const std::vector<int32_t>& ids, uint32_t count) {
  position = 0;
  std::vector<int32_t> out;
  std::vector<float> logits = all(ids);
  while (out.size() < count) {
    const auto last = logits.end() - vocab_;
    out.push_back(static_cast<int32_t>(std::max_element(last, logits.end()) - last));
    if (out.size() < count) logits = all({out.back()});
  }
  return out;
}

uint32_t DeviceRunner::cpu_nodes() const {
  uint32_t count = 0;
  for (const PlacementRow& row : executor_->placement()) count += row.on_device ? 0 : row.nodes;
  return count;
}

}  // namespace runnel::test
