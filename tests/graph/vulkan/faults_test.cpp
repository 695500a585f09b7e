// Drivers that lack things, run out of memory, lose the device, or compute nonsense: a status or the CPU, never a crash
// and never wrong logits.
#include "tests/graph/vulkan/faults.h"

#include <cmath>

#include "graph/vulkan/executor.h"
#include "tests/graph/vulkan/vulkan_device.h"
#include "tests/support/device_runner.h"
#include "tests/support/graph_runner.h"
#include "tests/support/llama_graph.h"
#include "tests/support/tiny_models.h"

namespace runnel {
namespace {

using test::DeviceRunner;
using test::GraphRunner;
using test::GraphWeights;
using test::LlamaShape;

class VulkanFaults : public testing::Test {
 protected:
  void SetUp() override {
    const test::VulkanDevice device;
    RUNNEL_NEEDS_VULKAN(device);
    test::faults() = {};
  }
  void TearDown() override { test::faults() = {}; }

  static vulkan::DeviceOptions options() {
    vulkan::DeviceOptions options;
    options.instance.loader = test::faulty_loader();
    return options;
  }
  static Status open_status() {
    Result<ComputeDevice*> device = vulkan::open_compute_device(options());
    if (!device.ok()) return device.status();
    (*device)->close();
    return {};
  }
  static Array<DeviceInfo> listed() {
    Array<DeviceInfo> devices;
    const Result<vulkan::Instance> instance = vulkan::Instance::create(options().instance);
    EXPECT_TRUE(instance.ok());
    EXPECT_TRUE(instance->list(&devices).ok());
    return devices;
  }
  void expect_unusable(const char* why) {
    const Array<DeviceInfo> devices = listed();
    ASSERT_GE(devices.size(), 1u);
    EXPECT_FALSE(devices[0].usable);
    EXPECT_STREQ(devices[0].why, why);
    const Status status = open_status();
    EXPECT_EQ(status.code(), Code::unsupported);
    EXPECT_NE(std::string(status.message()).find(why), std::string::npos) << status.message();
  }

  const Graph graph_ = test::llama_graph({});
  const GraphWeights weights_{graph_, 3};
  static ExecutorOptions executor_options() {
    ExecutorOptions options;
    options.max_tokens = options.max_outputs = 16;
    options.activations = Activations::f32;
    return options;
  }
  const std::vector<int32_t> ids_ = {5, 1, 77, 30};

  std::vector<float> cpu_logits() {
    GraphRunner cpu(graph_, weights_, executor_options());
    SerialFor serial;
    return cpu.all(ids_, serial);
  }
  static void expect_close(const std::vector<float>& got, const std::vector<float>& wanted) {
    ASSERT_EQ(got.size(), wanted.size());
    for (size_t i = 0; i < got.size(); ++i) ASSERT_NEAR(got[i], wanted[i], 5e-3) << i;
  }
};

TEST_F(VulkanFaults, NoDevice) {
  test::show_no_device();
  EXPECT_STREQ(open_status().message(), "vulkan: no driver shows a device");
}

TEST_F(VulkanFaults, NoLoaderFunctions) {
  vulkan::DeviceOptions none;
  none.instance.loader = [](VkInstance, const char*) -> PFN_vkVoidFunction { return nullptr; };
  EXPECT_EQ(vulkan::open_compute_device(none).status().code(), Code::unsupported);
}

TEST_F(VulkanFaults, MissingFeaturesAreNamed) {
  test::change_features([](auto& features) { features.bufferDeviceAddress = VK_FALSE; });
  expect_unusable("its driver has no buffer device addresses");
  test::faults() = {};
  test::change_features([](auto& features) { features.timelineSemaphore = VK_FALSE; });
  expect_unusable("its driver has no timeline semaphores");
  test::faults() = {};
  test::change_properties([](auto& properties) { properties.limits.maxPushConstantsSize = 64; });
  expect_unusable("it takes less than 128 bytes of push constants");
  test::faults() = {};
  test::change_properties([](auto& properties) { properties.apiVersion = VK_API_VERSION_1_1; });
  expect_unusable("its driver is for Vulkan 1.1, 1.2 is needed");
}

TEST_F(VulkanFaults, DevicesAreChosenByIndexUuidAndKind) {
  const Array<DeviceInfo> one = listed();
  DeviceInfo devices[3] = {one[0], one[0], one[0]};
  for (uint32_t i = 0; i < 3; ++i) {
    devices[i].index = i;
    devices[i].usable = true;
    std::snprintf(devices[i].uuid, sizeof devices[i].uuid, "%08x%024x", 0xabcd0000 + i, 0);
  }
  devices[0].kind = DeviceKind::cpu;
  devices[1].kind = DeviceKind::integrated;
  devices[2].kind = DeviceKind::discrete;
  EXPECT_EQ(*vulkan::choose_device(devices, ""), 2u);
  devices[2].usable = false;
  std::snprintf(devices[2].why, sizeof devices[2].why, "it is tired");
  EXPECT_EQ(*vulkan::choose_device(devices, ""), 1u);
  EXPECT_EQ(*vulkan::choose_device(devices, "0"), 0u);
  EXPECT_EQ(*vulkan::choose_device(devices, "abcd0001"), 1u);
  EXPECT_EQ(vulkan::choose_device(devices, "2").status().code(), Code::unsupported);
  EXPECT_NE(std::string(vulkan::choose_device(devices, "2").status().message()).find("it is tired"), std::string::npos);
  for (const char* wrong : {"3", "-1", "x", "abcdef99", "1x"})
    EXPECT_EQ(vulkan::choose_device(devices, wrong).status().code(), Code::invalid_argument) << wrong;
}

// Every call that can fail at opening, at its first and at later calls.
TEST_F(VulkanFaults, OpeningAndMakingAnExecutor) {
  for (const char* name : {"vkCreateInstance", "vkCreateDevice", "vkCreateCommandPool", "vkCreateSemaphore",
                           "vkAllocateMemory", "vkCreateBuffer", "vkMapMemory", "vkAllocateCommandBuffers",
                           "vkBeginCommandBuffer", "vkEndCommandBuffer", "vkCreatePipelineLayout"}) {
    for (const int call : {0, 1, 3}) {
      test::faults() = {};
      test::fail_from_call(name, call, VK_ERROR_OUT_OF_DEVICE_MEMORY);
      Result<ComputeDevice*> device = vulkan::open_compute_device(options());
      if (!device.ok()) {
        EXPECT_EQ(device.status().code(), Code::out_of_memory) << name << ": " << device.status().message();
        continue;
      }
      Result<DeviceExecutor*> executor = (*device)->make_executor(graph_, weights_.view(), {executor_options(), 64});
      if (executor.ok()) {
        (*executor)->destroy();  // it does not call the function so often
      } else {
        EXPECT_EQ(executor.status().code(), Code::out_of_memory) << name << ": " << executor.status().message();
      }
      (*device)->close();
    }
  }
}

TEST_F(VulkanFaults, WithoutAPipelineCacheItIsOnlySlower) {
  test::fail_from_call("vkCreatePipelineCache", 0, VK_ERROR_OUT_OF_HOST_MEMORY);
  EXPECT_TRUE(open_status().ok());
}

TEST_F(VulkanFaults, AKernelThatDoesNothingRunsOnTheCpu) {
  const std::vector<float> wanted = cpu_logits();
  const test::VulkanDevice device(options());
  RUNNEL_NEEDS_VULKAN(device);
  for (const int groups : {1, 2, 3, 4}) {  // each is some kernel's first dimension
    test::faults() = {};
    test::drop_dispatches(groups);
    const test::VulkanDevice faulty(options());
    RUNNEL_NEEDS_VULKAN(faulty);
    DeviceRunner runner(*faulty, graph_, weights_.view(), executor_options());
    EXPECT_GT(runner.cpu_nodes(), 1u) << groups;
    bool said = false;
    for (const PlacementRow& row : runner.executor().placement())
      said = said || std::string(row.why).find("wrong") == 0;
    EXPECT_TRUE(said) << groups;
    expect_close(runner.all(ids_), wanted);
  }
}

TEST_F(VulkanFaults, AShaderThatDoesNotCompileRunsOnTheCpu) {
  const std::vector<float> wanted = cpu_logits();
  test::fail_from_call("vkCreateComputePipelines", 2, VK_ERROR_INITIALIZATION_FAILED);
  const test::VulkanDevice device(options());
  RUNNEL_NEEDS_VULKAN(device);
  DeviceRunner runner(*device, graph_, weights_.view(), executor_options());
  EXPECT_GT(runner.cpu_nodes(), 1u);
  expect_close(runner.all(ids_), wanted);
}

TEST_F(VulkanFaults, ALostDeviceIsAStatusOnceAndTheCpuGoesOn) {
  const std::vector<float> wanted = cpu_logits();
  for (const char* name : {"vkQueueSubmit", "vkWaitSemaphores"}) {
    test::faults() = {};
    test::fail_from_call(name, 1 << 30, VK_ERROR_DEVICE_LOST);
    Result<ComputeDevice*> device = vulkan::open_compute_device(options());
    ASSERT_TRUE(device.ok());
    {
      DeviceRunner runner(**device, graph_, weights_.view(), executor_options());
      expect_close(runner.all(ids_), wanted);
      test::faults().calls_until_failure = 0;
      std::vector<float> logits;
      EXPECT_EQ(runner.step(ids_, {0}, &logits).code(), Code::device_lost) << name;
      for (const PlacementRow& row : runner.executor().placement()) {
        EXPECT_FALSE(row.on_device);
        EXPECT_STRNE(row.why, "");
      }
      runner.position = 0;
      expect_close(runner.all(ids_), wanted);
    }
    (*device)->close();
  }
}

TEST_F(VulkanFaults, VerdictsAreKeptAndForgottenWithTheDriver) {
  const test::TempFolder folder;
  const std::string path = folder.path().string();
  vulkan::DeviceOptions kept = options();
  kept.cache_folder = path.c_str();
  test::drop_dispatches(2);
  uint32_t failing = 0;
  {
    const test::VulkanDevice device(kept);
    RUNNEL_NEEDS_VULKAN(device);
    failing = DeviceRunner(*device, graph_, weights_.view(), executor_options()).cpu_nodes();
    EXPECT_GT(failing, 1u);
  }
  test::faults() = {};
  {  // the driver is said to be the same: what it was found to do wrong is believed
    const test::VulkanDevice device(kept);
    RUNNEL_NEEDS_VULKAN(device);
    EXPECT_EQ(DeviceRunner(*device, graph_, weights_.view(), executor_options()).cpu_nodes(), failing);
  }
  test::change_properties([](auto&) {});
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
    if (entry.path().extension() == ".verdicts") std::filesystem::resize_file(entry.path(), 20);  // torn
  }
  const test::VulkanDevice device(kept);
  RUNNEL_NEEDS_VULKAN(device);
  EXPECT_EQ(DeviceRunner(*device, graph_, weights_.view(), executor_options()).cpu_nodes(), 1u);
}

}  // namespace
}  // namespace runnel
