// What an op writes its commands with: dispatches in order, each after the one before, cut into parts.
//
// Thread rule: one thread at a time.
#pragma once

#include <type_traits>

#include "graph/cpu/cpu_op.h"
#include "graph/vulkan/part_writer.h"
#include "graph/vulkan/pipelines.h"

namespace runnel::vulkan {

// A node as the device sees it: the shapes and attributes of the CPU's call, and where the operands lie.
struct DeviceNode {
  const CpuCall* call = nullptr;
  VkDeviceAddress in[kMaxInputs] = {};
  VkDeviceAddress out[kMaxOutputs] = {};
  bool dots = false;  // products of bytes (dots.h), not of floats
};

// Where a step's own data lie.
struct StepAddresses {
  VkDeviceAddress step = 0;
  VkDeviceAddress ids = 0;
  VkDeviceAddress output_rows = 0;
  VkDeviceAddress quants = 0;    // a node's quantised activations
  VkDeviceAddress partials = 0;  // a node's sums of parts; 0: none is split
  VkDeviceAddress pages[kMaxKvGroups] = {};
};

// How work is cut for a kind of device.
struct Tuning {
  uint32_t row_threads;  // of element-wise shaders
  uint32_t norm_threads;
  uint32_t matrix_rows;  // of a work group, with many tokens
  uint32_t vector_rows;  // with few
  uint32_t vector_splits;
  uint32_t attention_threads;
};
const Tuning& tuning_of(const DeviceInfo& device) noexcept;

class Recorder {
 public:
  // Borrows all. Dispatches go to `parts`.
  Recorder(Device& device, Pipelines& pipelines, const StepAddresses& step, const KvLayout& kv,
           std::span<const StateSlot> slots, PartWriter& parts) noexcept
      : pipelines_(pipelines), step_(step), kv_(kv), slots_(slots), tuning_(tuning_of(device.info())), parts_(parts) {}

  // push: a struct of up to kPushBytes bytes as the shader has it. Groups of 0 record nothing.
  template <class Push>
  Status dispatch(Shader shader, const Constants& constants, const Push& push, uint32_t x, uint32_t y, uint32_t z = 1,
                  Load load = Load::all) noexcept {
    static_assert(sizeof(Push) <= kPushBytes && std::is_trivially_copyable_v<Push>);
    RUNNEL_ASSIGN(const VkPipeline pipeline, pipelines_.get(shader, constants));
    return parts_.dispatch({pipeline, pipelines_.layout(), &push, sizeof push, x, y, z}, load);
  }

  const StepAddresses& step() const noexcept { return step_; }
  const KvLayout& kv() const noexcept { return kv_; }
  const StateSlot& slot(size_t index) const noexcept { return slots_[index]; }
  const Tuning& tuning() const noexcept { return tuning_; }
  // Most tokens that attention looks back at, whenever this is replayed.
  uint64_t keys() const noexcept { return parts_.keys(); }

 private:
  Pipelines& pipelines_;
  const StepAddresses& step_;
  const KvLayout& kv_;
  std::span<const StateSlot> slots_;
  const Tuning& tuning_;
  PartWriter& parts_;
};

// How the device runs an op. One file in graph/vulkan/ops/ and one row in ops.inc each.
struct VulkanOp {
  const OpDef* op;
  // Null when the node can run here, else why not; static text. Of shapes, types and options alone.
  const char* (*refuses)(const CpuCall& call, const KvLayout& kv) noexcept;
  Status (*record)(const DeviceNode& node, Recorder& recorder) noexcept;
};

// Null: no shader for it.
const VulkanOp* find_vulkan_op(const OpDef* op) noexcept;

#define VULKAN_OP(name) extern const VulkanOp vulkan_op_##name;
#include "graph/vulkan/ops.inc"
#undef VULKAN_OP

}  // namespace runnel::vulkan
