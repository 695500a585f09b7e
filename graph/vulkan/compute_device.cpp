#include "graph/vulkan/compute_device.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

#include "graph/vulkan/executor.h"
#include "kernels/base/memory.h"

namespace runnel::vulkan {

Result<ComputeDevice*> open_compute_device(const DeviceOptions& options) noexcept {
  RUNNEL_ASSIGN(Device * device, Device::open(options));
  void* memory = allocate(sizeof(ComputeDeviceImpl), alignof(ComputeDeviceImpl));
  if (memory == nullptr) {
    Device::close(device);
    return out_of_memory("vulkan", "a device");
  }
  return static_cast<ComputeDevice*>(new (memory) ComputeDeviceImpl(device));
}

Result<ComputeDevice*> open_compute_device(const char* device, const char* cache_folder) noexcept {
  DeviceOptions options;
  options.device = device;
  options.cache_folder = cache_folder;
  const char* validation = std::getenv("RUNNEL_VULKAN_VALIDATION");
  options.instance.validate = validation != nullptr && std::strcmp(validation, "1") == 0;
  const char* import = std::getenv("RUNNEL_VULKAN_IMPORT");
  options.import = import == nullptr || std::strcmp(import, "0") != 0;
  return open_compute_device(options);
}

void ComputeDeviceImpl::close() noexcept {
  Device* device = device_;
  this->~ComputeDeviceImpl();  // pages and imports before the device
  release(this);
  Device::close(device);
}

Result<uint8_t*> ComputeDeviceImpl::take_pages(uint64_t bytes) noexcept {
  if (!pages_.reserve(pages_.size() + 1)) return out_of_memory("vulkan", "the list of pages");
  RUNNEL_ASSIGN(Buffer buffer, device_->make_buffer(bytes, Use::shared, "keys and values"));
  std::memset(buffer.data(), 0, bytes);
  uint8_t* memory = buffer.data();
  (void)pages_.push(std::move(buffer));  // reserved above
  return memory;
}

Result<WeightImport> ComputeDeviceImpl::import_weights(std::span<const uint8_t> weights) noexcept {
  RUNNEL_TRY(imported_.import(*device_, weights));
  return imported_.what();
}

Result<WeightImport> ComputeDeviceImpl::foresee_import(std::span<const uint8_t> weights) noexcept {
  HostMemory probe;
  RUNNEL_TRY(probe.import(*device_, weights.first(std::min<size_t>(weights.size(), 1))));
  return HostMemory::slices_of(*device_, weights);
}

void ComputeDeviceImpl::give_pages(uint8_t* memory) noexcept {
  for (Buffer& buffer : pages_) {
    if (buffer.data() != memory || memory == nullptr) continue;
    std::swap(buffer, pages_.back());
    pages_.truncate(pages_.size() - 1);
    return;
  }
}

VkDeviceAddress ComputeDeviceImpl::page_address(const uint8_t* byte) const noexcept {
  for (const Buffer& buffer : pages_) {
    if (byte >= buffer.data() && byte < buffer.data() + buffer.bytes())
      return buffer.address() + static_cast<uint64_t>(byte - buffer.data());
  }
  return 0;
}

Result<DeviceExecutor*> ComputeDeviceImpl::make_executor(const Graph& graph, const WeightView& weights,
                                                         const DeviceExecutorOptions& options) noexcept {
  return Executor::create(*this, graph, weights, options);
}

}  // namespace runnel::vulkan
