// A Vulkan instance, and the devices that it sees as DeviceInfo.
//
// Ownership: owns the instance. Thread rule: const members any thread.
#pragma once

#include "graph/vulkan/api.h"
#include "runnel/array.h"
#include "runnel/device.h"

namespace runnel::vulkan {

struct InstanceOptions {
  PFN_vkGetInstanceProcAddr loader = nullptr;  // null: the system's
  // With the validation layer, whose warnings and errors go to `message`; unsupported when it is not installed.
  bool validate = false;
  PFN_vkDebugUtilsMessengerCallbackEXT message = nullptr;  // null: standard error
  void* message_context = nullptr;
};

class Instance {
 public:
  static Result<Instance> create(const InstanceOptions& options = {}) noexcept;
  Instance(Instance&& other) noexcept;
  Instance& operator=(Instance&&) = delete;
  ~Instance();

  // Every device, usable or not, in the order of the loader.
  Status list(Array<DeviceInfo>* devices) const noexcept;
  // The device `index` of list(). Status: invalid_argument.
  Result<VkPhysicalDevice> physical_device(uint32_t index) const noexcept;

  const Api& api() const noexcept { return api_; }
  VkInstance handle() const noexcept { return handle_; }

 private:
  Instance() noexcept = default;
  Status find_devices(Array<VkPhysicalDevice>* devices) const noexcept;

  Api api_;
  VkInstance handle_ = VK_NULL_HANDLE;
  VkDebugUtilsMessengerEXT messenger_ = VK_NULL_HANDLE;
};

// Which device a host means: an index ("1"), the beginning of a uuid (8 hex digits at least), or "" for the first of
// the best kind: discrete, integrated, virtual, then a CPU that plays a GPU. Only usable ones are taken.
// Statuses: invalid_argument (no such device), unsupported (it cannot be used, or none can; the message says why).
Result<uint32_t> choose_device(std::span<const DeviceInfo> devices, const char* wanted) noexcept;

// The first queue family that computes, one that does not draw if there is one. UINT32_MAX: none.
uint32_t compute_queue_family(const Api& api, VkPhysicalDevice device) noexcept;

// What `device` is, has and lacks.
DeviceInfo describe_device(const Api& api, VkPhysicalDevice device, uint32_t index) noexcept;

}  // namespace runnel::vulkan
