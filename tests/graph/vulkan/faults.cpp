#include "tests/graph/vulkan/faults.h"

#include <algorithm>
#include <stdexcept>

namespace runnel::test {
namespace {

std::map<std::string, PFN_vkVoidFunction>& real_functions() {
  static std::map<std::string, PFN_vkVoidFunction> functions;
  return functions;
}

template <class Function>
Function real(const char* name) {
  return reinterpret_cast<Function>(real_function(name));
}

VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL get_device_function(VkDevice device, const char* name);

PFN_vkVoidFunction replace(const char* name, PFN_vkVoidFunction found) {
  if (found != nullptr && std::string(name) == "vkGetDeviceProcAddr") {
    real_functions()[name] = found;
    return reinterpret_cast<PFN_vkVoidFunction>(get_device_function);
  }
  const auto replaced = faults().replaced.find(name);
  if (found == nullptr || replaced == faults().replaced.end()) return found;
  real_functions()[name] = found;
  return replaced->second;
}

VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL get_device_function(VkDevice device, const char* name) {
  return replace(name, real<PFN_vkGetDeviceProcAddr>("vkGetDeviceProcAddr")(device, name));
}

PFN_vkGetInstanceProcAddr system_functions() {
  const Result<PFN_vkGetInstanceProcAddr> loader = vulkan::system_loader();
  return loader.ok() ? *loader : nullptr;
}

VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL get_instance_function(VkInstance instance, const char* name) {
  return replace(name, system_functions()(instance, name));
}

bool fails_now() { return faults().calls_until_failure-- <= 0; }

// A function of any signature that fails from the call on that was asked for.
template <const char* kName, class Function>
struct Failing;
template <const char* kName, class... Args>
struct Failing<kName, VkResult(VKAPI_PTR*)(Args...)> {
  static VKAPI_ATTR VkResult VKAPI_CALL call(Args... args) {
    if (fails_now()) return faults().failure;
    return real<VkResult(VKAPI_PTR*)(Args...)>(kName)(args...);
  }
};

int g_dropped_groups = 0;

VKAPI_ATTR void VKAPI_CALL dispatch_some(VkCommandBuffer commands, uint32_t base_x, uint32_t base_y, uint32_t base_z,
                                         uint32_t x, uint32_t y, uint32_t z) {
  if (static_cast<int>(x) == g_dropped_groups) return;
  real<PFN_vkCmdDispatchBase>("vkCmdDispatchBase")(commands, base_x, base_y, base_z, x, y, z);
}

VKAPI_ATTR void VKAPI_CALL dispatch_watched(VkCommandBuffer commands, uint32_t base_x, uint32_t base_y, uint32_t base_z,
                                            uint32_t x, uint32_t y, uint32_t z) {
  ++faults().dispatches;
  faults().largest_dispatch = std::max(faults().largest_dispatch, uint64_t{x} * y * z);
  real<PFN_vkCmdDispatchBase>("vkCmdDispatchBase")(commands, base_x, base_y, base_z, x, y, z);
}

VKAPI_ATTR void VKAPI_CALL changed_properties(VkPhysicalDevice device, VkPhysicalDeviceProperties* properties) {
  real<PFN_vkGetPhysicalDeviceProperties>("vkGetPhysicalDeviceProperties")(device, properties);
  faults().properties(*properties);
}

VKAPI_ATTR void VKAPI_CALL changed_features(VkPhysicalDevice device, VkPhysicalDeviceFeatures2* features) {
  real<PFN_vkGetPhysicalDeviceFeatures2>("vkGetPhysicalDeviceFeatures2")(device, features);
  for (auto* next = static_cast<VkBaseOutStructure*>(features->pNext); next != nullptr; next = next->pNext) {
    if (next->sType == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES)
      faults().features12(*reinterpret_cast<VkPhysicalDeviceVulkan12Features*>(next));
  }
}

VKAPI_ATTR void VKAPI_CALL changed_properties2(VkPhysicalDevice device, VkPhysicalDeviceProperties2* properties) {
  real<PFN_vkGetPhysicalDeviceProperties2>("vkGetPhysicalDeviceProperties2")(device, properties);
  for (auto* next = static_cast<VkBaseOutStructure*>(properties->pNext); next != nullptr; next = next->pNext) {
    if (next->sType == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_PROPERTIES)
      reinterpret_cast<VkPhysicalDeviceVulkan11Properties*>(next)->maxMemoryAllocationSize =
          faults().max_allocation_bytes;
  }
}

VKAPI_ATTR void VKAPI_CALL copy_nothing(VkCommandBuffer, VkBuffer, VkBuffer, uint32_t, const VkBufferCopy*) {}

VKAPI_ATTR VkResult VKAPI_CALL no_devices(VkInstance, uint32_t* count, VkPhysicalDevice*) {
  *count = 0;
  return VK_SUCCESS;
}

#define FAILING(name)                    \
  constexpr char kName_##name[] = #name; \
  constexpr auto failing_##name = Failing<kName_##name, PFN_##name>::call;
FAILING(vkCreateInstance)
FAILING(vkCreateDevice)
FAILING(vkCreateCommandPool)
FAILING(vkCreateSemaphore)
FAILING(vkAllocateMemory)
FAILING(vkCreateBuffer)
FAILING(vkMapMemory)
FAILING(vkAllocateCommandBuffers)
FAILING(vkBeginCommandBuffer)
FAILING(vkEndCommandBuffer)
FAILING(vkCreateShaderModule)
FAILING(vkCreateComputePipelines)
FAILING(vkCreatePipelineLayout)
FAILING(vkCreatePipelineCache)
FAILING(vkQueueSubmit)
FAILING(vkWaitSemaphores)
FAILING(vkBindBufferMemory)
FAILING(vkGetMemoryHostPointerPropertiesEXT)
#undef FAILING

const std::map<std::string, PFN_vkVoidFunction>& failing() {
#define FAILING(name) \
  { #name, reinterpret_cast < PFN_vkVoidFunction>(failing_##name) }
  static const std::map<std::string, PFN_vkVoidFunction> functions = {FAILING(vkCreateInstance),
                                                                      FAILING(vkCreateDevice),
                                                                      FAILING(vkCreateCommandPool),
                                                                      FAILING(vkCreateSemaphore),
                                                                      FAILING(vkAllocateMemory),
                                                                      FAILING(vkCreateBuffer),
                                                                      FAILING(vkMapMemory),
                                                                      FAILING(vkAllocateCommandBuffers),
                                                                      FAILING(vkBeginCommandBuffer),
                                                                      FAILING(vkEndCommandBuffer),
                                                                      FAILING(vkCreateShaderModule),
                                                                      FAILING(vkCreateComputePipelines),
                                                                      FAILING(vkCreatePipelineLayout),
                                                                      FAILING(vkCreatePipelineCache),
                                                                      FAILING(vkQueueSubmit),
                                                                      FAILING(vkWaitSemaphores),
                                                                      FAILING(vkBindBufferMemory),
                                                                      FAILING(vkGetMemoryHostPointerPropertiesEXT)};
#undef FAILING
  return functions;
}

}  // namespace

Faults& faults() {
  static Faults one;
  return one;
}

PFN_vkGetInstanceProcAddr faulty_loader() { return get_instance_function; }

PFN_vkVoidFunction real_function(const std::string& name) { return real_functions().at(name); }

void fail_from_call(const char* name, int call, VkResult result) {
  faults().calls_until_failure = call;
  faults().failure = result;
  faults().replaced[name] = failing().at(name);
}

void drop_dispatches(int of_groups_x) {
  g_dropped_groups = of_groups_x;
  faults().replaced["vkCmdDispatchBase"] = reinterpret_cast<PFN_vkVoidFunction>(dispatch_some);
}

void watch_dispatches() {
  faults().replaced["vkCmdDispatchBase"] = reinterpret_cast<PFN_vkVoidFunction>(dispatch_watched);
}

void change_properties(std::function<void(VkPhysicalDeviceProperties&)> change) {
  faults().properties = std::move(change);
  faults().replaced["vkGetPhysicalDeviceProperties"] = reinterpret_cast<PFN_vkVoidFunction>(changed_properties);
}

void change_features(std::function<void(VkPhysicalDeviceVulkan12Features&)> change) {
  faults().features12 = std::move(change);
  faults().replaced["vkGetPhysicalDeviceFeatures2"] = reinterpret_cast<PFN_vkVoidFunction>(changed_features);
}

void bound_allocations(uint64_t bytes) {
  faults().max_allocation_bytes = bytes;
  faults().replaced["vkGetPhysicalDeviceProperties2"] = reinterpret_cast<PFN_vkVoidFunction>(changed_properties2);
}

void drop_copies() { faults().replaced["vkCmdCopyBuffer"] = reinterpret_cast<PFN_vkVoidFunction>(copy_nothing); }

void show_no_device() {
  faults().replaced["vkEnumeratePhysicalDevices"] = reinterpret_cast<PFN_vkVoidFunction>(no_devices);
}

}  // namespace runnel::test
