// What an op writes its commands with: dispatches in order, each after the one before.
//
// Thread rule: one thread at a time.
#pragma once

#include <cstring>

#include "graph/cpu/cpu_op.h"
#include "graph/vulkan/pipelines.h"

namespace runnel::vulkan {

// A node as the device sees it: the shapes and attributes of the CPU's call, and where the operands lie.
struct DeviceNode {
  const CpuCall* call = nullptr;
  VkDeviceAddress in[kMaxInputs] = {};
  VkDeviceAddress out[kMaxOutputs] = {};
};

// Where a step's own data lie.
struct StepAddresses {
  VkDeviceAddress step = 0;
  VkDeviceAddress ids = 0;
  VkDeviceAddress output_rows = 0;
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
  Recorder(Device& device, Pipelines& pipelines, const StepAddresses& step, const KvLayout& kv,
           std::span<const StateSlot> slots) noexcept
      : device_(device),
        pipelines_(pipelines),
        step_(step),
        kv_(kv),
        slots_(slots),
        tuning_(tuning_of(device.info())) {}

  // Between begin() and end() dispatches go to `commands`; without, they only make their pipelines.
  Status begin(VkCommandBuffer commands) noexcept;
  Status end() noexcept;

  // push: a struct of up to kPushBytes bytes as the shader has it. Groups of 0 record nothing.
  template <class Push>
  Status dispatch(Shader shader, const Constants& constants, const Push& push, uint32_t x, uint32_t y,
                  uint32_t z = 1) noexcept {
    static_assert(sizeof(Push) <= kPushBytes && std::is_trivially_copyable_v<Push>);
    return dispatch_bytes(shader, constants, &push, sizeof push, x, y, z);
  }

  const StepAddresses& step() const noexcept { return step_; }
  const KvLayout& kv() const noexcept { return kv_; }
  const StateSlot& slot(size_t index) const noexcept { return slots_[index]; }
  const Tuning& tuning() const noexcept { return tuning_; }

 private:
  Status dispatch_bytes(Shader shader, const Constants& constants, const void* push, uint32_t bytes, uint32_t x,
                        uint32_t y, uint32_t z) noexcept;

  Device& device_;
  Pipelines& pipelines_;
  const StepAddresses& step_;
  const KvLayout& kv_;
  std::span<const StateSlot> slots_;
  const Tuning& tuning_;
  VkCommandBuffer commands_ = VK_NULL_HANDLE;
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
