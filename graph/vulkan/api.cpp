#include "graph/vulkan/api.h"

#include <dlfcn.h>

namespace runnel::vulkan {
namespace {

Status missing(const char* name) noexcept {
  return Status::error(Code::unsupported, "vulkan: the driver has no %s", name);
}

const char* result_name(VkResult result) noexcept {
  switch (result) {
    case VK_ERROR_OUT_OF_HOST_MEMORY: return "out of host memory";
    case VK_ERROR_OUT_OF_DEVICE_MEMORY: return "out of device memory";
    case VK_ERROR_DEVICE_LOST: return "the device was lost";
    case VK_ERROR_INITIALIZATION_FAILED: return "the driver could not start";
    case VK_ERROR_INCOMPATIBLE_DRIVER: return "no driver was found";
    case VK_ERROR_FEATURE_NOT_PRESENT: return "a feature is not present";
    case VK_ERROR_EXTENSION_NOT_PRESENT: return "an extension is not present";
    case VK_ERROR_LAYER_NOT_PRESENT: return "a layer is not present";
    case VK_ERROR_TOO_MANY_OBJECTS: return "too many objects";
    case VK_ERROR_MEMORY_MAP_FAILED: return "memory could not be mapped";
    case VK_TIMEOUT: return "it took too long";
    default: return "an unexpected result";
  }
}

Code code_of(VkResult result) noexcept {
  switch (result) {
    case VK_ERROR_OUT_OF_HOST_MEMORY:
    case VK_ERROR_OUT_OF_DEVICE_MEMORY:
    case VK_ERROR_TOO_MANY_OBJECTS:
    case VK_ERROR_MEMORY_MAP_FAILED: return Code::out_of_memory;
    case VK_ERROR_DEVICE_LOST:
    case VK_TIMEOUT: return Code::device_lost;
    default: return Code::unsupported;
  }
}

}  // namespace

Status check(VkResult result, const char* what) noexcept {
  if (result == VK_SUCCESS) return {};
  return Status::error(code_of(result), "vulkan: %s: %s (%d)", what, result_name(result), static_cast<int>(result));
}

#define FETCH(name, from)                           \
  name = reinterpret_cast<PFN_##name>(from(#name)); \
  if (name == nullptr) return missing(#name);

Status Api::load_global(PFN_vkGetInstanceProcAddr get) noexcept {
  vkGetInstanceProcAddr = get;
  const auto from = [&](const char* name) noexcept { return get(nullptr, name); };
#define VULKAN_GLOBAL(name) FETCH(name, from)
#define VULKAN_INSTANCE(name)
#define VULKAN_DEVICE(name)
#define VULKAN_EXTENSION(name)
#include "graph/vulkan/functions.inc"
#undef VULKAN_GLOBAL
#undef VULKAN_INSTANCE
#undef VULKAN_DEVICE
#undef VULKAN_EXTENSION
  return {};
}

Status Api::load_instance(VkInstance instance) noexcept {
  const auto from = [&](const char* name) noexcept { return vkGetInstanceProcAddr(instance, name); };
#define VULKAN_GLOBAL(name)
#define VULKAN_INSTANCE(name) FETCH(name, from)
#define VULKAN_DEVICE(name)
#define VULKAN_EXTENSION(name)
#include "graph/vulkan/functions.inc"
#undef VULKAN_GLOBAL
#undef VULKAN_INSTANCE
#undef VULKAN_DEVICE
#undef VULKAN_EXTENSION
  return {};
}

Status Api::load_device(VkDevice device) noexcept {
  const auto from = [&](const char* name) noexcept { return vkGetDeviceProcAddr(device, name); };
#define VULKAN_GLOBAL(name)
#define VULKAN_INSTANCE(name)
#define VULKAN_DEVICE(name) FETCH(name, from)
#define VULKAN_EXTENSION(name) name = reinterpret_cast<PFN_##name>(from(#name));
#include "graph/vulkan/functions.inc"
#undef VULKAN_GLOBAL
#undef VULKAN_INSTANCE
#undef VULKAN_DEVICE
#undef VULKAN_EXTENSION
  return {};
}

#undef FETCH

Result<PFN_vkGetInstanceProcAddr> system_loader() noexcept {
  static const PFN_vkGetInstanceProcAddr found = []() noexcept -> PFN_vkGetInstanceProcAddr {
    for (const char* name : {"libvulkan.so.1", "libvulkan.so"}) {
      if (void* library = dlopen(name, RTLD_NOW | RTLD_LOCAL); library != nullptr) {
        return reinterpret_cast<PFN_vkGetInstanceProcAddr>(dlsym(library, "vkGetInstanceProcAddr"));
      }
    }
    return nullptr;
  }();
  if (found == nullptr)
    return Status::error(Code::unsupported, "vulkan: this system has no Vulkan loader (libvulkan.so.1)");
  return found;
}

}  // namespace runnel::vulkan
