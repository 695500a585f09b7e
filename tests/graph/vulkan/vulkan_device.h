// The device that the tests of the Vulkan back end run on: the first that can be used, with the validation layer, whose
// every message fails the test.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "graph/vulkan/compute_device.h"

namespace runnel::test {

class VulkanDevice {
 public:
  explicit VulkanDevice(vulkan::DeviceOptions options = {}) {
    options.instance.validate = true;
    options.instance.message = on_message;
    options.instance.message_context = this;
    Result<ComputeDevice*> opened = vulkan::open_compute_device(options);
    if (opened.ok()) {
      device_ = *opened;
    } else {
      why_ = opened.status().message();
    }
  }
  ~VulkanDevice() {
    if (device_ != nullptr) device_->close();
    for (const std::string& message : messages_) ADD_FAILURE() << message;
  }
  VulkanDevice(const VulkanDevice&) = delete;
  VulkanDevice& operator=(const VulkanDevice&) = delete;

  ComputeDevice& operator*() const { return *device_; }
  ComputeDevice* operator->() const { return device_; }
  bool opened() const { return device_ != nullptr; }
  const std::string& why() const { return why_; }

 private:
  static VKAPI_ATTR VkBool32 VKAPI_CALL on_message(VkDebugUtilsMessageSeverityFlagBitsEXT,
                                                   VkDebugUtilsMessageTypeFlagsEXT,
                                                   const VkDebugUtilsMessengerCallbackDataEXT* data, void* context) {
    static_cast<VulkanDevice*>(context)->messages_.push_back(data->pMessage);
    return VK_FALSE;
  }

  ComputeDevice* device_ = nullptr;
  std::vector<std::string> messages_;
  std::string why_;
};

}  // namespace runnel::test

// Skips, and says why, where no device can be used.
#define RUNNEL_NEEDS_VULKAN(device) \
  if (!(device).opened()) GTEST_SKIP() << (device).why()
