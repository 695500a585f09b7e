// Runs a graph with nodes on a Vulkan device where it can, and on the CPU where it cannot: the CPU's program over an
// arena that both address, so that any node may run on either side.
//
// Ownership: borrows the device, the graph and the weights; owns arena, weights on the device, commands. Thread rule:
// one thread at a time.
#pragma once

#include <atomic>
#include <cstdio>

#include "graph/back_end.h"
#include "graph/cpu/program.h"
#include "graph/vulkan/compute_device.h"
#include "graph/vulkan/device_weights.h"
#include "graph/vulkan/recordings.h"
#include "graph/vulkan/step_buffer.h"

namespace runnel::vulkan {

// As BackEnd::plan().
Result<DevicePlan> plan_executor(const Graph& graph, const DeviceExecutorOptions& options) noexcept;

// Where a node runs.
enum class Side : uint8_t {
  view,    // nowhere
  device,  //
  cpu,     //
  early,   // on the CPU, before everything: it reads nothing that the step computes
};

// Op, storage type and sizes of a node, in words.
void describe_node(const CpuCall& call, char (&text)[96]) noexcept;

class Executor final : public DeviceExecutor {
 public:
  static constexpr size_t kReasonBytes = 176;
  static Result<DeviceExecutor*> create(ComputeDeviceImpl& device, const Graph& graph, const WeightView& weights,
                                        const DeviceExecutorOptions& options) noexcept;

  Status run(const StepInput& input, ParallelFor& workers) noexcept override;
  const DevicePlan& plan() const noexcept override { return plan_; }
  std::span<const PlacementRow> placement() const noexcept override;
  Status compare_with_cpu(ParallelFor& workers, char (&slower)[120]) noexcept override;
  void destroy() noexcept override;
  // Runs nodes of the step that ran last once more, `repeats` times over, in one submission; nanoseconds from handing
  // it over until it is done. Requires: the nodes run on the device. Statuses: out_of_memory, device_lost.
  Result<uint64_t> time_nodes(std::span<const uint32_t> nodes, uint32_t repeats) noexcept;

 private:
  friend class SelfTest;
  Executor(ComputeDeviceImpl& device, CpuProgram program, const DeviceExecutorOptions& options) noexcept
      : device_(device), program_(std::move(program)), options_(options) {}
  ~Executor() = default;
  Status start(const WeightView& weights) noexcept;
  Status place_nodes(const WeightView& weights) noexcept;
  void find_early_nodes() noexcept;
  void address_nodes() noexcept;
  Status describe_placement() noexcept;
  VkDeviceAddress address_of(ValueId value) const noexcept;
  Status run_device_step(const StepInput& input, ParallelFor& workers) noexcept;
  // The recording of the step that has begun, made or cut anew if need be. keys: what attention looks back at.
  Result<Recording*> recording_of(uint32_t tokens, uint32_t outputs, uint64_t keys) noexcept;
  Status record_token() noexcept;
  Status record_step(uint64_t keys, Recording* recording) noexcept;
  Status run_parts(const StepInput& input, Recording& recording, ParallelFor& workers) noexcept;
  void lose_device() noexcept;
  struct Reason {
    char text[kReasonBytes] = {};
  };
  void keep_reason(size_t node, const char* why) noexcept {
    std::snprintf(reasons_[node].text, sizeof reasons_[node].text, "%s", why);
  }

  ComputeDeviceImpl& device_;
  CpuProgram program_;
  DeviceExecutorOptions options_;
  DevicePlan plan_;
  Block scratch_;
  Buffer arena_, logits_;
  Buffer quants_;    // of the node that runs: its quantised activations
  Buffer partials_;  // ... and the sums of its parts
  StepBuffer step_;
  DeviceWeights weights_;
  Array<DeviceNode> nodes_;
  Array<Side> sides_;
  Array<Reason> reasons_;  // by node: why it runs on the CPU
  // As long as there is a device, and after: both are made at open and never written again, so that any thread can read
  // them beside a step that loses the device.
  Array<PlacementRow> placement_, placement_when_lost_;
  Pipelines pipelines_;
  Recordings recordings_;
  std::atomic<bool> lost_{false};
  bool all_on_cpu_ = false;
};

}  // namespace runnel::vulkan
