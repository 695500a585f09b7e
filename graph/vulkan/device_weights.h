// The weights that a device reads, brought to its memory once: tensor after tensor in a few large buffers.
//
// Ownership: owns the buffers. Thread rule: one thread at a time.
#pragma once

#include "graph/cpu/executor.h"
#include "graph/vulkan/device.h"

namespace runnel::vulkan {

class DeviceWeights {
 public:
  // Bytes of the tensors for which wanted[t], counted once each.
  static uint64_t bytes(const Graph& graph, std::span<const uint8_t> wanted) noexcept;
  // Statuses: out_of_memory, device_lost, and those of the weights (a damaged one).
  Status load(Device& device, const Graph& graph, const WeightView& weights, std::span<const uint8_t> wanted) noexcept;
  // 0 for a tensor that was not wanted.
  VkDeviceAddress address(uint32_t tensor) const noexcept { return addresses_[tensor]; }

 private:
  Array<Buffer> buffers_;
  Array<VkDeviceAddress> addresses_;
};

}  // namespace runnel::vulkan
