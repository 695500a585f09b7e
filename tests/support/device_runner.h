// Runs a graph or a model file on a compute device: its own pages there, the CPU's part by one thread.
#pragma once

#include <memory>
#include <vector>

#include "graph/back_end.h"
#include "tests/support/graph_weights.h"

namespace runnel::test {

class DeviceRunner {
 public:
  static constexpr uint32_t kContext = 512;

  // Borrows all. Throws std::runtime_error with the Status's message.
  DeviceRunner(ComputeDevice& device, const Graph& graph, const WeightView& weights, const ExecutorOptions& options,
               uint32_t submission_ms = 0, uint32_t context = kContext);
  ~DeviceRunner();
  DeviceRunner(const DeviceRunner&) = delete;
  DeviceRunner& operator=(const DeviceRunner&) = delete;

  Status step(const std::vector<int32_t>& ids, const std::vector<uint32_t>& output_rows, std::vector<float>* logits);
  // The logits of every row; throws.
  std::vector<float> all(const std::vector<int32_t>& ids);
  // The likeliest continuation of a new sequence.
  std::vector<int32_t> greedy(const std::vector<int32_t>& ids, uint32_t count);

  DeviceExecutor& executor() { return *executor_; }
  uint8_t* const* const* pages() const { return pointers_.data(); }
  // How many nodes run on the CPU.
  uint32_t cpu_nodes() const;
  uint32_t position = 0;

 private:
  ComputeDevice& device_;
  uint32_t vocab_;
  DeviceExecutor* executor_ = nullptr;
  uint8_t* memory_ = nullptr;
  std::vector<std::vector<uint8_t*>> tables_;
  std::vector<uint8_t* const*> pointers_;
};

}  // namespace runnel::test
