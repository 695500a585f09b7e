// The table of Vulkan's functions, fetched from the system's loader at run time: a machine without Vulkan runs the same
// program, and is told so.
//
// Everything fallible in this folder is a Status; VkResult stays inside it.
#pragma once

#define VK_NO_PROTOTYPES
#include <vulkan/vulkan.h>

#include "runnel/status.h"

namespace runnel::vulkan {

// A structure of Vulkan's, all zeros but its type.
template <class T>
T vk_struct(VkStructureType type) noexcept {
  T value = {};
  value.sType = type;
  return value;
}

struct Api {
  PFN_vkGetInstanceProcAddr vkGetInstanceProcAddr = nullptr;
#define VULKAN_GLOBAL(name) PFN_##name name = nullptr;
#define VULKAN_INSTANCE(name) PFN_##name name = nullptr;
#define VULKAN_DEVICE(name) PFN_##name name = nullptr;
#define VULKAN_EXTENSION(name) PFN_##name name = nullptr;
#include "graph/vulkan/functions.inc"
#undef VULKAN_GLOBAL
#undef VULKAN_INSTANCE
#undef VULKAN_DEVICE
#undef VULKAN_EXTENSION

  // The functions that need no instance; then those of an instance; then those of a device, without the loader's
  // detour. Status: unsupported names the first that is missing.
  Status load_global(PFN_vkGetInstanceProcAddr get) noexcept;
  Status load_instance(VkInstance instance) noexcept;
  Status load_device(VkDevice device) noexcept;
};

// The system's loader, opened once a process and never closed (drivers start threads). Status: unsupported.
Result<PFN_vkGetInstanceProcAddr> system_loader() noexcept;

// Ok for success; else "vulkan: <what>: <the code's name>" with the Code that it stands for.
Status check(VkResult result, const char* what) noexcept;

}  // namespace runnel::vulkan
