// A Vulkan device as the library sees it: pages, executors.
#pragma once

#include "graph/back_end.h"
#include "graph/vulkan/device.h"
#include "graph/vulkan/host_memory.h"

namespace runnel::vulkan {

class ComputeDeviceImpl final : public ComputeDevice {
 public:
  explicit ComputeDeviceImpl(Device* device) noexcept : device_(device) {}

  const DeviceInfo& info() const noexcept override { return device_->info(); }
  Result<uint8_t*> take_pages(uint64_t bytes) noexcept override;
  void give_pages(uint8_t* memory) noexcept override;
  Result<WeightImport> import_weights(std::span<const uint8_t> weights) noexcept override;
  Result<WeightImport> foresee_import(std::span<const uint8_t> weights) noexcept override;
  uint64_t allocated_bytes() const noexcept override { return device_->allocated_bytes(); }
  Result<DeviceExecutor*> make_executor(const Graph& graph, const WeightView& weights,
                                        const DeviceExecutorOptions& options) noexcept override;
  void close() noexcept override;

  Device& device() noexcept { return *device_; }
  const HostMemory& imported() const noexcept { return imported_; }
  // Where the device sees a byte of take_pages(); 0 for any other.
  VkDeviceAddress page_address(const uint8_t* byte) const noexcept;

 private:
  ~ComputeDeviceImpl() = default;

  Device* device_;
  Array<Buffer> pages_;
  HostMemory imported_;
};

// As BackEnd::open(). In the environment, RUNNEL_VULKAN_VALIDATION=1 turns the validation layer on and
// RUNNEL_VULKAN_IMPORT=0 has weights copied on any device.
Result<ComputeDevice*> open_compute_device(const char* device, const char* cache_folder) noexcept;
// With everything said: for tests.
Result<ComputeDevice*> open_compute_device(const DeviceOptions& options) noexcept;

}  // namespace runnel::vulkan
