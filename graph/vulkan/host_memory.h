// Memory of the host that a device reads where it lies: VK_EXT_external_memory_host, in the Vulkan specification's
// appendix of extensions.
//
// Ownership: owns the imports, borrows the bytes, which stay where they are until it is destroyed or imports others,
// and the device. Thread rule: one thread at a time.
#pragma once

#include "graph/back_end.h"
#include "graph/vulkan/device.h"

namespace runnel::vulkan {

class HostMemory {
 public:
  static constexpr uint64_t kMostSliceBytes = uint64_t{2} << 30;

  HostMemory() noexcept = default;
  HostMemory(const HostMemory&) = delete;
  HostMemory& operator=(const HostMemory&) = delete;
  ~HostMemory() { forget(); }

  // Whole pages around `bytes`, in slices of at most so many bytes, in place of what was imported before. The device
  // copies samples out of every slice, which are compared: a driver may take an address and read something else.
  // Statuses: unsupported (why not; nothing is imported then), out_of_memory, device_lost.
  Status import(Device& device, std::span<const uint8_t> bytes, uint64_t most_slice_bytes = kMostSliceBytes) noexcept;
  const WeightImport& what() const noexcept { return what_; }
  // What it then is: pure arithmetic.
  static WeightImport slices_of(const Device& device, std::span<const uint8_t> bytes,
                                uint64_t most_slice_bytes = kMostSliceBytes) noexcept;
  // Where the device sees a byte that what() holds; 0 for any other.
  VkDeviceAddress address(const uint8_t* byte) const noexcept;

 private:
  struct Slice {
    VkBuffer buffer = VK_NULL_HANDLE;
    VkDeviceMemory memory = VK_NULL_HANDLE;
    VkDeviceAddress address = 0;
    const uint8_t* data = nullptr;
    uint64_t bytes = 0;
  };
  Status import_slice(Slice* slice) noexcept;
  Status compare(const Slice& slice, const Buffer& samples) noexcept;
  void forget() noexcept;

  Device* device_ = nullptr;
  Array<Slice> slices_;
  WeightImport what_;
};

}  // namespace runnel::vulkan
