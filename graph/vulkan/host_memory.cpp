#include "graph/vulkan/host_memory.h"

#include <algorithm>
#include <cstring>

#include "kernels/base/memory.h"

namespace runnel::vulkan {
namespace {

constexpr VkExternalMemoryHandleTypeFlagBits kHostMemory = VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT;
constexpr uint64_t kSamples = 16, kSampleBytes = 256;  // of a slice

uint64_t whole_pages(uint64_t bytes) noexcept { return (bytes + page_bytes() - 1) / page_bytes() * page_bytes(); }

// Null: it can be tried.
const char* refuses(const DeviceInfo& info) noexcept {
  if (info.kind == DeviceKind::discrete || info.kind == DeviceKind::virtual_gpu)
    return "the device has memory of its own, which it reads faster";
  if (!info.imports_host_memory) return "the driver cannot read the host's memory";
  // Larger units would take in what lies beside the bytes, which may not be mapped.
  if (info.import_alignment == 0 || info.import_alignment > page_bytes())
    return "the driver takes the host's memory in units larger than a page";
  return nullptr;
}

}  // namespace

WeightImport HostMemory::slices_of(const Device& device, std::span<const uint8_t> bytes,
                                   uint64_t most_slice_bytes) noexcept {
  const uint64_t lead = reinterpret_cast<uintptr_t>(bytes.data()) % page_bytes();
  const uint64_t most = std::min(most_slice_bytes, device.info().max_allocation_bytes);
  return {std::min(whole_pages(lead + bytes.size()), most / page_bytes() * page_bytes()), lead};
}

Status HostMemory::import(Device& device, std::span<const uint8_t> bytes, uint64_t most_slice_bytes) noexcept {
  forget();
  device_ = &device;
  const DeviceInfo& info = device.info();
  if (const char* why = refuses(info); why != nullptr) return Status::error(Code::unsupported, "%s", why);
  const WeightImport slices = slices_of(device, bytes, most_slice_bytes);
  const uint64_t lead = slices.lead_bytes, slice_bytes = slices.slice_bytes;
  if (bytes.empty() || slice_bytes == 0) return Status::error(Code::unsupported, "there is nothing to import");
  const uint64_t whole = whole_pages(lead + bytes.size());
  RUNNEL_ASSIGN(const Buffer samples, device.make_buffer(kSamples * kSampleBytes, Use::results, "samples of weights"));
  if (!slices_.reserve((whole + slice_bytes - 1) / slice_bytes)) return out_of_memory("vulkan", "the list of imports");
  for (uint64_t at = 0; at < whole; at += slice_bytes) {
    Slice slice;
    slice.data = bytes.data() - lead + at;
    slice.bytes = std::min(slice_bytes, whole - at);
    Status status = import_slice(&slice);
    (void)slices_.push(slice);  // reserved above; also what is half made, for forget()
    if (status.ok()) status = compare(slice, samples);
    if (!status.ok()) {
      forget();
      return status;
    }
  }
  what_ = slices;
  return {};
}

Status HostMemory::import_slice(Slice* slice) noexcept {
  const Api& api = device_->api();
  const VkDevice device = device_->handle();
  void* data = const_cast<uint8_t*>(slice->data);  // nothing is ever written there
  auto pointer = vk_struct<VkMemoryHostPointerPropertiesEXT>(VK_STRUCTURE_TYPE_MEMORY_HOST_POINTER_PROPERTIES_EXT);
  RUNNEL_TRY(check(api.vkGetMemoryHostPointerPropertiesEXT(device, kHostMemory, data, &pointer), "importing weights"));
  auto external = vk_struct<VkExternalMemoryBufferCreateInfo>(VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO);
  external.handleTypes = kHostMemory;
  auto create = vk_struct<VkBufferCreateInfo>(VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO);
  create.pNext = &external;
  create.size = slice->bytes;
  create.usage = kBufferUsage;
  RUNNEL_TRY(check(api.vkCreateBuffer(device, &create, nullptr, &slice->buffer), "importing weights"));
  VkMemoryRequirements needs = {};
  api.vkGetBufferMemoryRequirements(device, slice->buffer, &needs);
  uint32_t type = 0;
  const auto takes = [&](uint32_t t) noexcept {
    return (pointer.memoryTypeBits & needs.memoryTypeBits & 1u << t) != 0 &&
           (device_->memory_flags(t) & VK_MEMORY_PROPERTY_HOST_COHERENT_BIT) != 0;
  };
  while (type < VK_MAX_MEMORY_TYPES && !takes(type)) ++type;
  if (type == VK_MAX_MEMORY_TYPES || needs.size > slice->bytes)
    return Status::error(Code::unsupported, "the driver has no type of memory for the host's");
  auto host = vk_struct<VkImportMemoryHostPointerInfoEXT>(VK_STRUCTURE_TYPE_IMPORT_MEMORY_HOST_POINTER_INFO_EXT);
  host.handleType = kHostMemory;
  host.pHostPointer = data;
  auto flags = vk_struct<VkMemoryAllocateFlagsInfo>(VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO);
  flags.pNext = &host;
  flags.flags = VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_BIT;
  auto allocate = vk_struct<VkMemoryAllocateInfo>(VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO);
  allocate.pNext = &flags;
  allocate.allocationSize = slice->bytes;
  allocate.memoryTypeIndex = type;
  RUNNEL_TRY(check(api.vkAllocateMemory(device, &allocate, nullptr, &slice->memory), "importing weights"));
  RUNNEL_TRY(check(api.vkBindBufferMemory(device, slice->buffer, slice->memory, 0), "importing weights"));
  auto address = vk_struct<VkBufferDeviceAddressInfo>(VK_STRUCTURE_TYPE_BUFFER_DEVICE_ADDRESS_INFO);
  address.buffer = slice->buffer;
  slice->address = api.vkGetBufferDeviceAddress(device, &address);
  return {};
}

Status HostMemory::compare(const Slice& slice, const Buffer& samples) noexcept {
  const uint64_t step = (slice.bytes - kSampleBytes) / (kSamples - 1) / 16 * 16;
  VkBufferCopy copies[kSamples];
  for (uint64_t s = 0; s < kSamples; ++s) {
    const uint64_t from = s + 1 < kSamples ? s * step : slice.bytes - kSampleBytes;
    copies[s] = {from, s * kSampleBytes, kSampleBytes};
  }
  std::memset(samples.data(), 0, kSamples * kSampleBytes);
  RUNNEL_TRY(device_->copy(slice.buffer, samples.handle(), copies));
  for (const VkBufferCopy& copy : copies) {
    if (std::memcmp(samples.data() + copy.dstOffset, slice.data + copy.srcOffset, kSampleBytes) != 0)
      return Status::error(Code::unsupported, "the driver reads the host's memory wrongly");
  }
  return {};
}

VkDeviceAddress HostMemory::address(const uint8_t* byte) const noexcept {
  for (const Slice& slice : slices_) {
    if (byte >= slice.data && byte < slice.data + slice.bytes)
      return slice.address + static_cast<uint64_t>(byte - slice.data);
  }
  return 0;
}

void HostMemory::forget() noexcept {
  for (const Slice& slice : slices_) {
    if (slice.buffer != VK_NULL_HANDLE) device_->api().vkDestroyBuffer(device_->handle(), slice.buffer, nullptr);
    if (slice.memory != VK_NULL_HANDLE) device_->api().vkFreeMemory(device_->handle(), slice.memory, nullptr);
  }
  slices_.clear();
  what_ = {};
}

}  // namespace runnel::vulkan
