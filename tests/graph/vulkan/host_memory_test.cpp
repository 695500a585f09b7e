// Memory of the host that a device reads where it lies: whole pages around any bytes, cut into slices, or a status.
#include "graph/vulkan/host_memory.h"

#include <cstdlib>
#include <memory>
#include <string>

#include "kernels/base/memory.h"
#include "tests/graph/vulkan/faults.h"
#include "tests/graph/vulkan/vulkan_device.h"

namespace runnel {
namespace {

using vulkan::HostMemory;

class VulkanHostMemory : public testing::Test {
 protected:
  void SetUp() override {
    test::faults() = {};
    for (size_t i = 0; i < kBytes; ++i) memory_.get()[i] = static_cast<uint8_t>(i * 2654435761u >> 13);
  }
  void TearDown() override { test::faults() = {}; }

  static constexpr size_t kBytes = 1 << 20;
  struct Free {
    void operator()(uint8_t* memory) const { std::free(memory); }
  };
  const std::unique_ptr<uint8_t, Free> memory_{static_cast<uint8_t*>(std::aligned_alloc(page_bytes(), kBytes))};
  std::span<const uint8_t> bytes(size_t begin, size_t count) const { return {memory_.get() + begin, count}; }

  static vulkan::Device& driver(const test::VulkanDevice& device) {
    return static_cast<vulkan::ComputeDeviceImpl&>(*device).device();
  }
  static Status import(const test::VulkanDevice& device, std::span<const uint8_t> bytes) {
    HostMemory memory;
    Status status = memory.import(driver(device), bytes);
    EXPECT_EQ(memory.what().slice_bytes == 0, !status.ok());
    EXPECT_EQ(memory.address(bytes.data()) == 0, !status.ok());
    return status;
  }
  static vulkan::DeviceOptions faulty() {
    vulkan::DeviceOptions options;
    options.instance.loader = test::faulty_loader();
    return options;
  }
};

#define RUNNEL_NEEDS_IMPORTS(device) \
  if (!(device)->info().imports_host_memory) GTEST_SKIP() << "the driver has no VK_EXT_external_memory_host"

TEST_F(VulkanHostMemory, LiesInSlicesOfWholePages) {
  const test::VulkanDevice device;
  RUNNEL_NEEDS_VULKAN(device);
  RUNNEL_NEEDS_IMPORTS(device);
  const size_t page = page_bytes();
  const size_t begin = page + 192, count = 9 * page + 700;  // the last page is one of its own
  HostMemory memory;
  ASSERT_TRUE(memory.import(driver(device), bytes(begin, count), 4 * page + 100).ok());
  EXPECT_EQ(memory.what().slice_bytes, 4 * page);
  EXPECT_EQ(memory.what().lead_bytes, 192u);
  const uint8_t* const first = memory_.get() + page;
  for (size_t slice = 0; slice < 3; ++slice) {
    const uint8_t* const data = first + slice * 4 * page;
    const VkDeviceAddress address = memory.address(data);
    EXPECT_NE(address, 0u);
    EXPECT_EQ(memory.address(data + 777), address + 777);
  }
  EXPECT_NE(memory.address(memory_.get() + begin + count - 1), 0u);
  EXPECT_EQ(memory.address(first - 1), 0u);
  EXPECT_EQ(memory.address(first + 10 * page), 0u);
  const auto tensor = [](uint64_t offset, uint64_t tensor_bytes) {
    TensorDesc desc;
    desc.offset = offset;
    desc.bytes = tensor_bytes;
    return desc;
  };
  EXPECT_TRUE(memory.what().holds(tensor(0, 4 * page - 192)));
  EXPECT_FALSE(memory.what().holds(tensor(0, 4 * page - 191)));
  EXPECT_TRUE(memory.what().holds(tensor(4 * page - 192, 4 * page)));
  EXPECT_FALSE(memory.what().holds(tensor(4 * page - 193, 2)));
  // Others in their place.
  ASSERT_TRUE(memory.import(driver(device), bytes(0, page)).ok());
  EXPECT_NE(memory.address(memory_.get()), 0u);
  EXPECT_EQ(memory.address(memory_.get() + page), 0u);
}

TEST_F(VulkanHostMemory, WhatADriverRefusesIsAStatus) {
  for (const char* name : {"vkGetMemoryHostPointerPropertiesEXT", "vkAllocateMemory", "vkBindBufferMemory"}) {
    // The buffer of the samples comes first, and takes its memory from the driver too.
    const bool shared = std::string(name) != "vkGetMemoryHostPointerPropertiesEXT";
    for (const VkResult result : {VK_ERROR_INVALID_EXTERNAL_HANDLE, VK_ERROR_OUT_OF_DEVICE_MEMORY}) {
      test::faults() = {};
      test::fail_from_call(name, shared ? 1 : 0, result);
      const test::VulkanDevice device(faulty());
      RUNNEL_NEEDS_VULKAN(device);
      RUNNEL_NEEDS_IMPORTS(device);
      const Status status = import(device, bytes(0, kBytes));
      EXPECT_EQ(status.code(), result == VK_ERROR_OUT_OF_DEVICE_MEMORY ? Code::out_of_memory : Code::unsupported)
          << name << ": " << status.message();
    }
  }
}

TEST_F(VulkanHostMemory, ADriverThatReadsSomethingElseIsFoundOut) {
  test::drop_copies();
  const test::VulkanDevice device(faulty());
  RUNNEL_NEEDS_VULKAN(device);
  RUNNEL_NEEDS_IMPORTS(device);
  const Status status = import(device, bytes(0, kBytes));
  EXPECT_EQ(status.code(), Code::unsupported);
  EXPECT_STREQ(status.message(), "the driver reads the host's memory wrongly");
}

TEST_F(VulkanHostMemory, IsCopiedWhereItIsNotShared) {
  test::change_properties([](auto& properties) { properties.deviceType = VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU; });
  {
    const test::VulkanDevice device(faulty());
    RUNNEL_NEEDS_VULKAN(device);
    EXPECT_STREQ(import(device, bytes(0, kBytes)).message(), "the device has memory of its own, which it reads faster");
  }
  test::faults() = {};
  vulkan::DeviceOptions without;
  without.import = false;
  const test::VulkanDevice device(without);
  EXPECT_STREQ(import(device, bytes(0, kBytes)).message(), "the driver cannot read the host's memory");
}

}  // namespace
}  // namespace runnel
