// The weights that a device reads: where the host has them, or else brought to its memory once, tensor after tensor in
// a few large buffers.
//
// Ownership: owns the buffers. Thread rule: one thread at a time.
#pragma once

#include "graph/cpu/executor.h"
#include "graph/vulkan/compute_device.h"

namespace runnel::vulkan {

class DeviceWeights {
 public:
  // Bytes of the tensors for which wanted[t] and which the import does not hold, counted once each.
  static uint64_t bytes(const Graph& graph, std::span<const uint8_t> wanted, const WeightImport& import) noexcept;
  // Statuses: out_of_memory, device_lost, and those of the weights (a damaged one).
  Status load(ComputeDeviceImpl& device, const Graph& graph, const WeightView& weights, std::span<const uint8_t> wanted,
              const WeightImport& import) noexcept;
  // 0 for a tensor that was not wanted.
  VkDeviceAddress address(uint32_t tensor) const noexcept { return addresses_[tensor]; }

 private:
  Array<Buffer> buffers_;
  Array<VkDeviceAddress> addresses_;
};

}  // namespace runnel::vulkan
