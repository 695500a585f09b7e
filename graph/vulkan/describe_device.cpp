// What a device is and has, as its driver says; and what it lacks.
#include <algorithm>
#include <cstdio>
#include <cstring>

#include "graph/vulkan/device.h"

namespace runnel::vulkan {
namespace {

void hex(const uint8_t (&bytes)[VK_UUID_SIZE], char* out) noexcept {
  for (uint32_t i = 0; i < VK_UUID_SIZE; ++i) std::snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

DeviceKind kind_of(VkPhysicalDeviceType type) noexcept {
  switch (type) {
    case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU: return DeviceKind::discrete;
    case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU: return DeviceKind::integrated;
    case VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU: return DeviceKind::virtual_gpu;
    case VK_PHYSICAL_DEVICE_TYPE_CPU: return DeviceKind::cpu;
    default: return DeviceKind::other;
  }
}

class Extensions {
 public:
  Extensions(const Api& api, VkPhysicalDevice device) noexcept {
    uint32_t count = 0;
    if (api.vkEnumerateDeviceExtensionProperties(device, nullptr, &count, nullptr) != VK_SUCCESS) return;
    if (!list_.resize(count)) return;
    if (api.vkEnumerateDeviceExtensionProperties(device, nullptr, &count, list_.data()) != VK_SUCCESS) list_.clear();
  }
  bool has(const char* name) const noexcept {
    return std::any_of(list_.begin(), list_.end(),
                       [&](const VkExtensionProperties& e) { return std::strcmp(e.extensionName, name) == 0; });
  }

 private:
  Array<VkExtensionProperties> list_;
};

void describe_heaps(const Api& api, VkPhysicalDevice device, DeviceInfo* info) noexcept {
  VkPhysicalDeviceMemoryProperties memory;
  api.vkGetPhysicalDeviceMemoryProperties(device, &memory);
  info->heap_count = std::min(memory.memoryHeapCount, DeviceInfo::kMaxHeaps);
  for (uint32_t h = 0; h < info->heap_count; ++h) {
    info->heaps[h].bytes = memory.memoryHeaps[h].size;
    info->heaps[h].device_local = (memory.memoryHeaps[h].flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT) != 0;
  }
  for (uint32_t t = 0; t < memory.memoryTypeCount; ++t) {
    const VkMemoryType& type = memory.memoryTypes[t];
    if (type.heapIndex < info->heap_count && (type.propertyFlags & VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT) != 0)
      info->heaps[type.heapIndex].host_visible = true;
  }
}

// Whether buffers such as ours may lie in the host's memory.
bool imports_buffers(const Api& api, VkPhysicalDevice device) noexcept {
  auto asked = vk_struct<VkPhysicalDeviceExternalBufferInfo>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_BUFFER_INFO);
  asked.usage = kBufferUsage;
  asked.handleType = VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT;
  auto said = vk_struct<VkExternalBufferProperties>(VK_STRUCTURE_TYPE_EXTERNAL_BUFFER_PROPERTIES);
  api.vkGetPhysicalDeviceExternalBufferProperties(device, &asked, &said);
  return (said.externalMemoryProperties.externalMemoryFeatures & VK_EXTERNAL_MEMORY_FEATURE_IMPORTABLE_BIT) != 0;
}

}  // namespace

uint32_t compute_queue_family(const Api& api, VkPhysicalDevice device) noexcept {
  VkQueueFamilyProperties families[16];
  uint32_t count = 16, found = UINT32_MAX;
  api.vkGetPhysicalDeviceQueueFamilyProperties(device, &count, families);
  for (uint32_t f = 0; f < count; ++f) {
    if ((families[f].queueFlags & VK_QUEUE_COMPUTE_BIT) == 0 || families[f].queueCount == 0) continue;
    if ((families[f].queueFlags & VK_QUEUE_GRAPHICS_BIT) == 0) return f;
    if (found == UINT32_MAX) found = f;
  }
  return found;
}

DeviceInfo describe_device(const Api& api, VkPhysicalDevice device, uint32_t index) noexcept {
  DeviceInfo info;
  info.index = index;
  VkPhysicalDeviceProperties first;
  api.vkGetPhysicalDeviceProperties(device, &first);
  std::snprintf(info.name, sizeof info.name, "%s", first.deviceName);
  info.kind = kind_of(first.deviceType);
  info.api_major = VK_API_VERSION_MAJOR(first.apiVersion);
  info.api_minor = VK_API_VERSION_MINOR(first.apiVersion);
  info.api_patch = VK_API_VERSION_PATCH(first.apiVersion);
  info.max_buffer_range = first.limits.maxStorageBufferRange;
  info.max_group_threads = first.limits.maxComputeWorkGroupInvocations;
  describe_heaps(api, device, &info);
  const auto lacks = [&](bool present, const char* what) noexcept {
    if (!present && *info.why == '\0') std::snprintf(info.why, sizeof info.why, "%s", what);
  };
  if (first.apiVersion < VK_API_VERSION_1_2) {
    std::snprintf(info.why, sizeof info.why, "its driver is for Vulkan %u.%u, 1.2 is needed", info.api_major,
                  info.api_minor);
    return info;
  }

  const Extensions extensions(api, device);
  const bool has_dot = extensions.has(VK_KHR_SHADER_INTEGER_DOT_PRODUCT_EXTENSION_NAME);
  const bool has_sizes = extensions.has(VK_EXT_SUBGROUP_SIZE_CONTROL_EXTENSION_NAME);
  const bool has_import = extensions.has(VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME) && imports_buffers(api, device);
  auto dot = vk_struct<VkPhysicalDeviceShaderIntegerDotProductProperties>(
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_INTEGER_DOT_PRODUCT_PROPERTIES);
  auto sizes = vk_struct<VkPhysicalDeviceSubgroupSizeControlProperties>(
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_PROPERTIES);
  auto host = vk_struct<VkPhysicalDeviceExternalMemoryHostPropertiesEXT>(
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_MEMORY_HOST_PROPERTIES_EXT);
  auto properties11 =
      vk_struct<VkPhysicalDeviceVulkan11Properties>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_PROPERTIES);
  auto properties12 =
      vk_struct<VkPhysicalDeviceVulkan12Properties>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_PROPERTIES);
  auto properties = vk_struct<VkPhysicalDeviceProperties2>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2);
  properties.pNext = &properties11;
  properties11.pNext = &properties12;
  void** end = &properties12.pNext;
  if (has_dot) {
    *end = &dot;
    end = &dot.pNext;
  }
  if (has_sizes) {
    *end = &sizes;
    end = &sizes.pNext;
  }
  if (has_import) *end = &host;
  api.vkGetPhysicalDeviceProperties2(device, &properties);
  hex(properties11.deviceUUID, info.uuid);
  std::snprintf(info.driver, sizeof info.driver, "%s, %s", properties12.driverName, properties12.driverInfo);
  char driver[2 * VK_UUID_SIZE + 1];
  hex(properties11.driverUUID, driver);
  std::snprintf(info.cache_key, sizeof info.cache_key, "%s-%08x-%08x-%08x", driver, first.driverVersion, first.vendorID,
                first.deviceID);
  info.subgroup_size = properties11.subgroupSize;
  info.subgroup_min = has_sizes ? sizes.minSubgroupSize : properties11.subgroupSize;
  info.subgroup_max = has_sizes ? sizes.maxSubgroupSize : properties11.subgroupSize;
  info.max_allocation_bytes = properties11.maxMemoryAllocationSize;
  info.cooperative_matrix = extensions.has("VK_KHR_cooperative_matrix");
  info.imports_host_memory = has_import;
  info.import_alignment = host.minImportedHostPointerAlignment;

  auto features12 = vk_struct<VkPhysicalDeviceVulkan12Features>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES);
  auto features11 = vk_struct<VkPhysicalDeviceVulkan11Features>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES);
  auto features = vk_struct<VkPhysicalDeviceFeatures2>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2);
  features.pNext = &features11;
  features11.pNext = &features12;
  auto dot_features = vk_struct<VkPhysicalDeviceShaderIntegerDotProductFeatures>(
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_INTEGER_DOT_PRODUCT_FEATURES);
  if (has_dot) features12.pNext = &dot_features;
  api.vkGetPhysicalDeviceFeatures2(device, &features);
  info.integer_dot = dot_features.shaderIntegerDotProduct == VK_TRUE;
  info.integer_dot_fast = info.integer_dot && dot.integerDotProduct4x8BitPackedSignedAccelerated == VK_TRUE;
  info.float16 = features12.shaderFloat16 == VK_TRUE;
  info.int8 = features12.shaderInt8 == VK_TRUE;
  info.storage16 = features11.storageBuffer16BitAccess == VK_TRUE;

  lacks(compute_queue_family(api, device) != UINT32_MAX, "it has no queue that computes");
  lacks(features12.bufferDeviceAddress == VK_TRUE, "its driver has no buffer device addresses");
  lacks(features12.timelineSemaphore == VK_TRUE, "its driver has no timeline semaphores");
  lacks(first.limits.maxPushConstantsSize >= 128, "it takes less than 128 bytes of push constants");
  lacks(first.limits.maxComputeWorkGroupInvocations >= 128, "its work groups hold less than 128 threads");
  info.usable = *info.why == '\0';
  return info;
}

}  // namespace runnel::vulkan
