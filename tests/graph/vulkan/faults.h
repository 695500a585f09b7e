// A driver that fails on purpose: the system's loader, with some of its functions replaced. The back end fetches every
// function by name, VMA's too, so nothing else is needed.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "graph/vulkan/api.h"

namespace runnel::test {

// What is wrong with the driver. One at a time: set before a device is opened, cleared by the next.
struct Faults {
  std::map<std::string, PFN_vkVoidFunction> replaced;  // by name
  // Counters that the replacements use.
  int calls_until_failure = 0;
  VkResult failure = VK_SUCCESS;
  uint64_t dispatches = 0, largest_dispatch = 0;  // how many, and work groups of the largest
  uint64_t max_allocation_bytes = 0;
  std::function<void(VkPhysicalDeviceProperties&)> properties;
  std::function<void(VkPhysicalDeviceVulkan12Features&)> features12;
};
Faults& faults();

// A loader that gives the system's functions, but those of faults().replaced.
PFN_vkGetInstanceProcAddr faulty_loader();
// The real function behind a name, once faulty_loader() gave a replacement for it.
PFN_vkVoidFunction real_function(const std::string& name);

// Replacements.
void fail_from_call(const char* name, int call, VkResult result);  // "vkAllocateMemory", "vkQueueSubmit",
                                                                   // "vkWaitSemaphores", "vkCreateDevice",
                                                                   // "vkCreateComputePipelines", ...
void drop_dispatches(int of_groups_x);  // a kernel that silently does nothing, by its number of groups
void watch_dispatches();                // nothing is wrong: counts, and notes the largest
void change_properties(std::function<void(VkPhysicalDeviceProperties&)> change);
void change_features(std::function<void(VkPhysicalDeviceVulkan12Features&)> change);
void bound_allocations(uint64_t bytes);  // the driver says that it allocates no more at a time
void drop_copies();                      // copies of buffers silently do nothing
void show_no_device();

}  // namespace runnel::test
