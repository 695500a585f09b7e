#include "graph/vulkan/device.h"

#include <cstdio>
#include <cstring>
#include <new>

#include "graph/file/input_file.h"
#include "graph/file/output_file.h"
#include "kernels/base/memory.h"

namespace runnel::vulkan {
namespace {

// Long enough for any step; a driver that is silent for longer has hung.
constexpr uint64_t kPatienceNs = 60'000'000'000;
constexpr uint64_t kMostCacheBytes = 64 << 20;

}  // namespace

Result<Device*> Device::open(const DeviceOptions& options) noexcept {
  RUNNEL_ASSIGN(Instance instance, Instance::create(options.instance));
  void* memory = allocate(sizeof(Device), alignof(Device));
  if (memory == nullptr) return out_of_memory("vulkan", "a device");
  auto* device = new (memory) Device(std::move(instance));
  if (Status status = device->start(options); !status.ok()) {
    close(device);
    return status;
  }
  return device;
}

void Device::close(Device* device) noexcept {
  if (device == nullptr) return;
  device->~Device();
  release(device);
}

Device::~Device() {
  if (handle_ == VK_NULL_HANDLE || api_.vkDestroyDevice == nullptr) return;
  if (!lost_) (void)api_.vkDeviceWaitIdle(handle_);
  if (pipeline_cache_ != VK_NULL_HANDLE) api_.vkDestroyPipelineCache(handle_, pipeline_cache_, nullptr);
  if (done_ != VK_NULL_HANDLE) api_.vkDestroySemaphore(handle_, done_, nullptr);
  if (pool_ != VK_NULL_HANDLE) api_.vkDestroyCommandPool(handle_, pool_, nullptr);
  if (allocator_ != nullptr) vmaDestroyAllocator(allocator_);
  api_.vkDestroyDevice(handle_, nullptr);
}

Status Device::start(const DeviceOptions& options) noexcept {
  if (options.cache_folder != nullptr) {
    const std::span<const char> text(options.cache_folder, std::strlen(options.cache_folder) + 1);
    if (!cache_folder_.append(text)) return out_of_memory("vulkan", "a path");
  }
  Array<DeviceInfo> devices;
  RUNNEL_TRY(instance_.list(&devices));
  RUNNEL_ASSIGN(const uint32_t index, choose_device(devices, options.device));
  info_ = devices[index];
  info_.imports_host_memory = info_.imports_host_memory && options.import;
  RUNNEL_ASSIGN(const VkPhysicalDevice physical, instance_.physical_device(index));
  api_ = instance_.api();
  RUNNEL_TRY(make_device(physical));
  RUNNEL_TRY(make_allocator(physical));
  auto pool = vk_struct<VkCommandPoolCreateInfo>(VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO);
  pool.flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT;
  pool.queueFamilyIndex = family_;
  RUNNEL_TRY(check(api_.vkCreateCommandPool(handle_, &pool, nullptr, &pool_), "creating a command pool"));
  auto type = vk_struct<VkSemaphoreTypeCreateInfo>(VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO);
  type.semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE;
  auto semaphore = vk_struct<VkSemaphoreCreateInfo>(VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO);
  semaphore.pNext = &type;
  RUNNEL_TRY(check(api_.vkCreateSemaphore(handle_, &semaphore, nullptr, &done_), "creating a semaphore"));
  load_pipelines();
  return {};
}

Status Device::make_device(VkPhysicalDevice physical) noexcept {
  family_ = compute_queue_family(instance_.api(), physical);
  const float priority = 0;
  auto queue = vk_struct<VkDeviceQueueCreateInfo>(VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO);
  queue.queueFamilyIndex = family_;
  queue.queueCount = 1;
  queue.pQueuePriorities = &priority;
  auto features = vk_struct<VkPhysicalDeviceVulkan12Features>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES);
  features.bufferDeviceAddress = VK_TRUE;
  features.timelineSemaphore = VK_TRUE;
  auto dots = vk_struct<VkPhysicalDeviceShaderIntegerDotProductFeatures>(
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_INTEGER_DOT_PRODUCT_FEATURES);
  dots.shaderIntegerDotProduct = VK_TRUE;
  auto create = vk_struct<VkDeviceCreateInfo>(VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO);
  create.pNext = &features;
  const char* extensions[2];
  create.ppEnabledExtensionNames = extensions;
  if (info_.integer_dot) {
    features.pNext = &dots;
    extensions[create.enabledExtensionCount++] = VK_KHR_SHADER_INTEGER_DOT_PRODUCT_EXTENSION_NAME;
  }
  if (info_.imports_host_memory)
    extensions[create.enabledExtensionCount++] = VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME;
  create.queueCreateInfoCount = 1;
  create.pQueueCreateInfos = &queue;
  RUNNEL_TRY(check(api_.vkCreateDevice(physical, &create, nullptr, &handle_), "creating the device"));
  RUNNEL_TRY(api_.load_device(handle_));
  if (api_.vkGetMemoryHostPointerPropertiesEXT == nullptr) info_.imports_host_memory = false;
  api_.vkGetDeviceQueue(handle_, family_, 0, &queue_);
  return {};
}

Status Device::make_allocator(VkPhysicalDevice physical) noexcept {
  VmaVulkanFunctions functions = {};
  functions.vkGetInstanceProcAddr = api_.vkGetInstanceProcAddr;
  functions.vkGetDeviceProcAddr = api_.vkGetDeviceProcAddr;
  VmaAllocatorCreateInfo create = {};
  create.flags = VMA_ALLOCATOR_CREATE_BUFFER_DEVICE_ADDRESS_BIT | VMA_ALLOCATOR_CREATE_EXTERNALLY_SYNCHRONIZED_BIT;
  create.physicalDevice = physical;
  create.device = handle_;
  create.instance = instance_.handle();
  create.vulkanApiVersion = VK_API_VERSION_1_2;
  create.pVulkanFunctions = &functions;
  return check(vmaCreateAllocator(&create, &allocator_), "creating the allocator");
}

// A device that is gone says so at once, and nothing of it writes any more; one that only said so has to end first what
// it was given, since the CPU goes on in the same memory. One that has hung is not waited for.
Status Device::note(Status status) noexcept {
  if (status.code() != Code::device_lost || lost_) return status;
  lost_ = true;
  if (!hung_) (void)api_.vkDeviceWaitIdle(handle_);
  return status;
}

Result<uint64_t> Device::submit(std::span<const VkCommandBuffer> commands) noexcept {
  const uint64_t number = submitted_ + 1;
  auto timeline = vk_struct<VkTimelineSemaphoreSubmitInfo>(VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO);
  timeline.signalSemaphoreValueCount = 1;
  timeline.pSignalSemaphoreValues = &number;
  auto submit = vk_struct<VkSubmitInfo>(VK_STRUCTURE_TYPE_SUBMIT_INFO);
  submit.pNext = &timeline;
  submit.commandBufferCount = static_cast<uint32_t>(commands.size());
  submit.pCommandBuffers = commands.data();
  submit.signalSemaphoreCount = 1;
  submit.pSignalSemaphores = &done_;
  RUNNEL_TRY(note(check(api_.vkQueueSubmit(queue_, 1, &submit, VK_NULL_HANDLE), "submitting a step")));
  submitted_ = number;
  return number;
}

Status Device::wait(uint64_t submission) noexcept {
  auto wait = vk_struct<VkSemaphoreWaitInfo>(VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO);
  wait.semaphoreCount = 1;
  wait.pSemaphores = &done_;
  wait.pValues = &submission;
  const VkResult result = api_.vkWaitSemaphores(handle_, &wait, kPatienceNs);
  hung_ = hung_ || result == VK_TIMEOUT;
  return note(check(result, "waiting for the device"));
}

Result<VkCommandBuffer> Device::make_commands() noexcept {
  auto info = vk_struct<VkCommandBufferAllocateInfo>(VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO);
  info.commandPool = pool_;
  info.level = VK_COMMAND_BUFFER_LEVEL_PRIMARY;
  info.commandBufferCount = 1;
  VkCommandBuffer commands = VK_NULL_HANDLE;
  RUNNEL_TRY(check(api_.vkAllocateCommandBuffers(handle_, &info, &commands), "making a command buffer"));
  return commands;
}

void Device::free_commands(VkCommandBuffer commands) noexcept {
  if (commands != VK_NULL_HANDLE) api_.vkFreeCommandBuffers(handle_, pool_, 1, &commands);
}

Status Device::cache_path(const char* suffix, Array<char>* path) const noexcept {
  path->clear();
  if (cache_folder_.empty()) return {};
  char name[128];
  const int length = std::snprintf(name, sizeof name, "/vulkan-%s.%s", info_.cache_key, suffix);
  const bool fits = path->append(std::span(cache_folder_.data(), cache_folder_.size() - 1)) &&
                    path->append(std::span<const char>(name, static_cast<size_t>(length) + 1));
  return fits ? Status() : out_of_memory("vulkan", "a path");
}

// The driver checks that what it gets is its own (vendor, device and its uuid stand in front); anything else is left.
void Device::load_pipelines() noexcept {
  Array<char> path;
  Array<uint8_t> bytes;
  if (cache_path("pipelines", &path).ok() && !path.empty()) {
    Result<InputFile> file = InputFile::open(path.data());
    if (file.ok() && file->bytes() <= kMostCacheBytes && bytes.resize(file->bytes()) && !file->read_at(0, bytes).ok())
      bytes.clear();
  }
  auto create = vk_struct<VkPipelineCacheCreateInfo>(VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO);
  create.initialDataSize = bytes.size();
  create.pInitialData = bytes.data();
  if (api_.vkCreatePipelineCache(handle_, &create, nullptr, &pipeline_cache_) == VK_SUCCESS) return;
  create.initialDataSize = 0;
  if (api_.vkCreatePipelineCache(handle_, &create, nullptr, &pipeline_cache_) != VK_SUCCESS)
    pipeline_cache_ = VK_NULL_HANDLE;  // only slower
}

void Device::save_pipelines() noexcept {
  Array<char> path;
  Array<uint8_t> bytes;
  size_t size = 0;
  if (pipeline_cache_ == VK_NULL_HANDLE || !cache_path("pipelines", &path).ok() || path.empty()) return;
  if (api_.vkGetPipelineCacheData(handle_, pipeline_cache_, &size, nullptr) != VK_SUCCESS || !bytes.resize(size))
    return;
  if (api_.vkGetPipelineCacheData(handle_, pipeline_cache_, &size, bytes.data()) != VK_SUCCESS) return;
  Result<OutputFile> file = OutputFile::create({path.data(), path.size() - 1}, "vulkan");
  if (file.ok() && file->write_at(0, std::span(bytes.data(), size)).ok()) (void)file->publish();
}

}  // namespace runnel::vulkan
