// A Vulkan device as the library sees it: pages, executors.
#pragma once

#include "graph/back_end.h"
#include "graph/vulkan/device.h"

namespace runnel::vulkan {

class ComputeDeviceImpl final : public ComputeDevice {
 public:
  explicit ComputeDeviceImpl(Device* device) noexcept : device_(device) {}

  const DeviceInfo& info() const noexcept override { return device_->info(); }
  Result<uint8_t*> take_pages(uint64_t bytes) noexcept override;
  void give_pages(uint8_t* memory) noexcept override;
  uint64_t allocated_bytes() const noexcept override { return device_->allocated_bytes(); }
  Result<DeviceExecutor*> make_executor(const Graph& graph, const WeightView& weights,
                                        const DeviceExecutorOptions& options) noexcept override;
  void close() noexcept override;

  Device& device() noexcept { return *device_; }
  // Where the device sees a byte of take_pages(); 0 for any other.
  VkDeviceAddress page_address(const uint8_t* byte) const noexcept;

 private:
  ~ComputeDeviceImpl() = default;

  Device* device_;
  Array<Buffer> pages_;
};

// As BackEnd::open(). RUNNEL_VULKAN_VALIDATION=1 in the environment turns the validation layer on.
Result<ComputeDevice*> open_compute_device(const char* device, const char* cache_folder) noexcept;
// With everything said: for tests.
Result<ComputeDevice*> open_compute_device(const DeviceOptions& options) noexcept;

}  // namespace runnel::vulkan
