#include <algorithm>
#include <cstring>
#include <utility>

#include "graph/vulkan/device.h"

namespace runnel::vulkan {
namespace {

VmaAllocationCreateInfo wanted_memory(Use use) noexcept {
  VmaAllocationCreateInfo info = {};
  info.usage = VMA_MEMORY_USAGE_UNKNOWN;
  constexpr VkMemoryPropertyFlags kMapped = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
  switch (use) {
    case Use::weights:
      info.requiredFlags = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT;
      info.preferredFlags = kMapped;
      break;
    case Use::shared:
      info.requiredFlags = kMapped;
      info.preferredFlags = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT;
      break;
    case Use::staging: info.requiredFlags = kMapped; break;
    case Use::results:
      info.requiredFlags = kMapped;
      info.preferredFlags = VK_MEMORY_PROPERTY_HOST_CACHED_BIT;
      break;
  }
  // Each buffer is large: memory of its own, so that what is taken is what was planned.
  info.flags = VMA_ALLOCATION_CREATE_DEDICATED_MEMORY_BIT;
  return info;
}

}  // namespace

Buffer& Buffer::operator=(Buffer&& other) noexcept {
  std::swap(device_, other.device_);
  std::swap(handle_, other.handle_);
  std::swap(allocation_, other.allocation_);
  std::swap(address_, other.address_);
  std::swap(data_, other.data_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

Buffer::~Buffer() {
  if (device_ == nullptr) return;
  if (data_ != nullptr) vmaUnmapMemory(device_->allocator_, allocation_);
  vmaDestroyBuffer(device_->allocator_, handle_, allocation_);
}

Result<Buffer> Device::make_buffer(uint64_t bytes, Use use, const char* what) noexcept {
  auto create = vk_struct<VkBufferCreateInfo>(VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO);
  create.size = bytes == 0 ? 16 : bytes;
  create.usage = kBufferUsage;
  const VmaAllocationCreateInfo memory = wanted_memory(use);
  Buffer buffer;
  VmaAllocationInfo given = {};
  const VkResult result = vmaCreateBuffer(allocator_, &create, &memory, &buffer.handle_, &buffer.allocation_, &given);
  Status status = check(result, what);
  if (!status.ok())
    return status.code() == Code::unsupported  // no memory type fits
               ? std::move(status)
               : Status::error(Code::out_of_memory, "vulkan: no device memory for %llu bytes of %s",
                               static_cast<unsigned long long>(bytes), what);
  buffer.device_ = this;
  buffer.bytes_ = bytes;
  const VkMemoryPropertyFlags flags = memory_flags(given.memoryType);
  constexpr VkMemoryPropertyFlags kMapped = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
  if ((flags & kMapped) == kMapped) {
    void* data = nullptr;
    RUNNEL_TRY(check(vmaMapMemory(allocator_, buffer.allocation_, &data), what));
    buffer.data_ = static_cast<uint8_t*>(data);
  }
  auto info = vk_struct<VkBufferDeviceAddressInfo>(VK_STRUCTURE_TYPE_BUFFER_DEVICE_ADDRESS_INFO);
  info.buffer = buffer.handle_;
  buffer.address_ = api_.vkGetBufferDeviceAddress(handle_, &info);
  return buffer;
}

uint64_t Device::allocated_bytes() const noexcept {
  VmaTotalStatistics statistics;
  vmaCalculateStatistics(allocator_, &statistics);
  return statistics.total.statistics.blockBytes;
}

VkMemoryPropertyFlags Device::memory_flags(uint32_t memory_type) const noexcept {
  VkMemoryPropertyFlags flags = 0;
  vmaGetMemoryTypeProperties(allocator_, memory_type, &flags);
  return flags;
}

Status Device::copy(VkBuffer from, VkBuffer to, std::span<const VkBufferCopy> copies) noexcept {
  RUNNEL_ASSIGN(const VkCommandBuffer commands, make_commands());
  const auto begin = vk_struct<VkCommandBufferBeginInfo>(VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO);
  Status status = check(api_.vkBeginCommandBuffer(commands, &begin), "recording a copy");
  if (status.ok()) {
    api_.vkCmdCopyBuffer(commands, from, to, static_cast<uint32_t>(copies.size()), copies.data());
    status = check(api_.vkEndCommandBuffer(commands), "recording a copy");
  }
  if (status.ok()) {
    const Result<uint64_t> submission = submit({&commands, 1});
    status = submission.ok() ? wait(*submission) : submission.status();
  }
  free_commands(commands);
  return status;
}

Status Device::upload(const Buffer& target, uint64_t offset, std::span<const uint8_t> bytes,
                      const Buffer& staging) noexcept {
  if (target.data_ != nullptr) {
    std::memcpy(target.data_ + offset, bytes.data(), bytes.size());
    return {};
  }
  for (uint64_t done = 0; done < bytes.size();) {
    const uint64_t part = std::min<uint64_t>(bytes.size() - done, staging.bytes_);
    std::memcpy(staging.data_, bytes.data() + done, part);
    const VkBufferCopy one = {0, offset + done, part};
    RUNNEL_TRY(copy(staging.handle_, target.handle_, {&one, 1}));
    done += part;
  }
  return {};
}

}  // namespace runnel::vulkan
