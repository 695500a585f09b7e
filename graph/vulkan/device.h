// A device that computes: queue, memory, pipeline cache, and the clock that says what is done.
//
// Ownership: heap object; the maker deletes it after every Buffer of it. Thread rule: one thread at a time.
#pragma once

#include "graph/vulkan/instance.h"
#include "graph/vulkan/vma.h"

namespace runnel::vulkan {

class Device;

// What a buffer is for decides the memory that it gets.
enum class Use : uint8_t {
  weights,  // written once, read by the device; mapped where the device's own memory can be
  shared,   // read and written by both: mapped, in the device's own memory where that can be
  staging,  // written by the host, copied from
  results,  // written by the device, read by the host
};

// What every buffer may be used for.
inline constexpr VkBufferUsageFlags kBufferUsage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT |
                                                   VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT |
                                                   VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT;

// Memory that shaders address. Released with the object.
class Buffer {
 public:
  Buffer() noexcept = default;
  Buffer(Buffer&& other) noexcept { *this = std::move(other); }
  Buffer& operator=(Buffer&& other) noexcept;
  ~Buffer();

  VkDeviceAddress address() const noexcept { return address_; }
  uint8_t* data() const noexcept { return data_; }  // null: not mapped
  uint64_t bytes() const noexcept { return bytes_; }
  VkBuffer handle() const noexcept { return handle_; }

 private:
  friend class Device;
  Device* device_ = nullptr;
  VkBuffer handle_ = VK_NULL_HANDLE;
  VmaAllocation allocation_ = nullptr;
  VkDeviceAddress address_ = 0;
  uint8_t* data_ = nullptr;
  uint64_t bytes_ = 0;
};

struct DeviceOptions {
  InstanceOptions instance;
  const char* device = "";             // as choose_device() takes it
  const char* cache_folder = nullptr;  // for compiled pipelines and verdicts; null: nothing is kept
  bool import = true;                  // weights are read where the host has them, where that can be
};

class Device {
 public:
  // Statuses: unsupported, invalid_argument, out_of_memory.
  static Result<Device*> open(const DeviceOptions& options) noexcept;
  static void close(Device* device) noexcept;  // accepts null

  Result<Buffer> make_buffer(uint64_t bytes, Use use, const char* what) noexcept;
  // What VMA has taken of the driver.
  uint64_t allocated_bytes() const noexcept;

  // Hands over commands; they are done when wait() for the number has returned. Statuses: device_lost, out_of_memory.
  Result<uint64_t> submit(std::span<const VkCommandBuffer> commands) noexcept;
  Status wait(uint64_t submission) noexcept;
  // Copies on the device, and waits.
  Status copy(VkBuffer from, VkBuffer to, std::span<const VkBufferCopy> copies) noexcept;
  // Copies into a buffer that is not mapped, through `staging`, and waits.
  Status upload(const Buffer& target, uint64_t offset, std::span<const uint8_t> bytes, const Buffer& staging) noexcept;

  VkMemoryPropertyFlags memory_flags(uint32_t memory_type) const noexcept;

  Result<VkCommandBuffer> make_commands() noexcept;
  void free_commands(VkCommandBuffer commands) noexcept;
  VkPipelineCache pipeline_cache() const noexcept { return pipeline_cache_; }
  // Writes the pipeline cache to the folder; what fails there is no error.
  void save_pipelines() noexcept;

  const Api& api() const noexcept { return api_; }
  VkDevice handle() const noexcept { return handle_; }
  const DeviceInfo& info() const noexcept { return info_; }
  // Zero-terminated path of a file of the cache folder; empty when nothing is kept.
  Status cache_path(const char* suffix, Array<char>* path) const noexcept;
  bool lost() const noexcept { return lost_; }

 private:
  friend class Buffer;
  explicit Device(Instance instance) noexcept : instance_(std::move(instance)) {}
  ~Device();
  Status start(const DeviceOptions& options) noexcept;
  Status make_device(VkPhysicalDevice physical) noexcept;
  Status make_allocator(VkPhysicalDevice physical) noexcept;
  void load_pipelines() noexcept;
  Status note(Status status) noexcept;

  Instance instance_;
  Api api_;
  DeviceInfo info_;
  Array<char> cache_folder_;
  VkDevice handle_ = VK_NULL_HANDLE;
  uint32_t family_ = 0;
  VkQueue queue_ = VK_NULL_HANDLE;
  VmaAllocator allocator_ = nullptr;
  VkCommandPool pool_ = VK_NULL_HANDLE;
  VkSemaphore done_ = VK_NULL_HANDLE;  // timeline: the number of the last submission that is done
  VkPipelineCache pipeline_cache_ = VK_NULL_HANDLE;
  uint64_t submitted_ = 0;
  bool lost_ = false, hung_ = false;
};

}  // namespace runnel::vulkan
