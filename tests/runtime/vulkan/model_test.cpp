// A model opened on a device: the same answers, a plan that counts it, sessions that share and go on without it.
#include <gtest/gtest.h>

#include <functional>

#include "graph/vulkan/compute_device.h"
#include "runnel/session.h"
#include "runnel/vulkan.h"
#include "tests/graph/vulkan/faults.h"
#include "tests/graph/vulkan/vulkan_device.h"
#include "tests/support/tiny_model_file.h"

namespace runnel {
namespace {

const std::vector<int32_t> kPrompt = {5, 100, 31, 7, 250, 80, 80, 3};

class VulkanModel : public testing::Test {
 protected:
  void SetUp() override {
    const test::VulkanDevice device;
    RUNNEL_NEEDS_VULKAN(device);
    test::faults() = {};
  }
  void TearDown() override { test::faults() = {}; }

  // By a loader whose functions a test may replace.
  static const BackEnd& back_end() {
    static const BackEnd one = [] {
      BackEnd back_end = vulkan_back_end();
      back_end.open = [](const char* device, const char* cache) noexcept {
        vulkan::DeviceOptions options;
        options.device = device;
        options.cache_folder = cache;
        options.instance.loader = test::faulty_loader();
        return vulkan::open_compute_device(options);
      };
      return back_end;
    }();
    return one;
  }
  // The same, which takes a CPU that plays a GPU for one.
  static const BackEnd& lying_back_end() {
    static const BackEnd one = [] {
      BackEnd lying = back_end();
      lying.devices = [](Array<DeviceInfo>* devices) noexcept -> Status {
        RUNNEL_TRY(vulkan_back_end().devices(devices));
        for (DeviceInfo& device : *devices) device.kind = DeviceKind::integrated;
        return {};
      };
      return lying;
    }();
    return one;
  }
  static Model open(const BackEnd* back_end, DeviceUse use = DeviceUse::required, const char* cache = nullptr) {
    OpenOptions options;
    options.threads = 1;
    options.sessions = 3;
    options.activations = Activations::f32;
    options.back_end = back_end;
    options.device_use = use;
    options.cache_folder = cache;
    Result<Model> model = Model::open(test::tiny_model_path().c_str(), options);
    if (!model.ok()) throw std::runtime_error(model.status().message());
    return *std::move(model);
  }
  static Session session_of(const Model& model) {
    Result<Session> session = Session::create(model);
    if (!session.ok()) throw std::runtime_error(session.status().message());
    return *std::move(session);
  }
  static std::vector<int32_t> next(Session& session, uint32_t count) {
    std::vector<int32_t> ids;
    while (ids.size() < count) {
      const Result<int32_t> id = session.next({});
      EXPECT_TRUE(id.ok()) << id.status().message();
      if (!id.ok()) break;
      ids.push_back(*id);
    }
    return ids;
  }
  static std::vector<int32_t> cpu_answer(uint32_t count) {
    const Model model = open(nullptr);
    Session session = session_of(model);
    EXPECT_TRUE(session.append(kPrompt).ok());
    return next(session, count);
  }
};

TEST_F(VulkanModel, AnswersAsTheCpuDoesAndSaysWhereItRuns) {
  const Model model = open(&back_end());
  EXPECT_NE(model.info().device, "cpu");
  uint32_t on_device = 0;
  for (const PlacementRow& row : model.placement()) on_device += row.on_device ? row.nodes : 0;
  EXPECT_GT(on_device, 10u);
  Session session = session_of(model);
  ASSERT_TRUE(session.append(kPrompt).ok());
  EXPECT_EQ(next(session, 40), cpu_answer(40));
}

TEST_F(VulkanModel, SessionsShareForkAndAreRestored) {
  const std::vector<int32_t> wanted = cpu_answer(20);
  const test::TempFolder folder;
  const std::string path = (folder / "session.rns").string();
  const Model model = open(&back_end());
  Session first = session_of(model);
  ASSERT_TRUE(first.append(kPrompt).ok());
  Result<Session> fork = first.fork();
  ASSERT_TRUE(fork.ok());
  EXPECT_EQ(next(first, 20), wanted);
  EXPECT_EQ(next(*fork, 20), wanted);
  ASSERT_TRUE(first.truncate(static_cast<uint32_t>(kPrompt.size())).ok());
  ASSERT_TRUE(first.save(path.c_str()).ok());
  Session other = session_of(model);
  ASSERT_TRUE(other.restore(path.c_str()).ok());
  EXPECT_EQ(next(other, 20), wanted);
}

// The tiny model's weights where the host has them, all or most or none: the same bits, and counted once.
TEST_F(VulkanModel, ReadsWeightsInPlaceOrCopiesThem) {
  const auto bytes_of = [](const MemoryPlan& plan, const char* name) {
    for (uint32_t i = 0; i < plan.class_count; ++i)
      if (std::string(plan.classes[i].name) == name) return plan.classes[i].bytes;
    return uint64_t{0};
  };
  const auto all_logits = [](const Model& model) {
    Session session = session_of(model);
    EXPECT_TRUE(session.append(kPrompt).ok());
    const Result<std::span<const float>> logits = session.logits();
    EXPECT_TRUE(logits.ok());
    return logits.ok() ? std::vector<float>(logits->begin(), logits->end()) : std::vector<float>();
  };
  const std::string path = test::tiny_model_path();
  OpenOptions options;
  options.threads = 1;
  options.activations = Activations::f32;
  options.back_end = &back_end();
  struct Way {
    const char* note;
    bool in_place, copied;
    std::function<void()> break_driver;
  };
  const Way ways[] = {
      {"the device reads them in place", true, false, [] {}},
      {"the device reads them in place", true, true, [] { test::bound_allocations(64 << 10); }},
      {"copied to the device: the driver reads the host's memory wrongly", false, true, [] { test::drop_copies(); }},
      {"copied to the device: vulkan: importing weights: an unexpected result (-1000072003)", false, true,
       [] { test::fail_from_call("vkGetMemoryHostPointerPropertiesEXT", 0, VK_ERROR_INVALID_EXTERNAL_HANDLE); }},
  };
  std::vector<float> wanted;
  for (const Way& way : ways) {
    SCOPED_TRACE(way.note);
    test::faults() = {};
    way.break_driver();
    const Result<Model> model = Model::open(path.c_str(), options);
    ASSERT_TRUE(model.ok()) << model.status().message();
    EXPECT_STREQ(model->plan().weights_note, way.note);
    EXPECT_EQ(bytes_of(model->plan(), "gpu_weights") != 0, way.copied);
    EXPECT_EQ(bytes_of(model->plan(), "weights") > 100000, way.in_place);
    const Result<MemoryPlan> foreseen = plan_model(path.c_str(), options);
    ASSERT_TRUE(foreseen.ok());
    EXPECT_EQ(foreseen->private_bytes, model->plan().private_bytes);
    EXPECT_STREQ(foreseen->weights_note, way.note);
    const std::vector<float> logits = all_logits(*model);
    if (wanted.empty()) wanted = logits;
    EXPECT_EQ(logits, wanted);
  }
}

TEST_F(VulkanModel, ThePlanCountsTheDevice) {
  test::fail_from_call("vkGetMemoryHostPointerPropertiesEXT", 0, VK_ERROR_INVALID_EXTERNAL_HANDLE);  // copies

  OpenOptions options;
  options.max_step_tokens = 64;
  const Result<MemoryPlan> on_cpu = plan_model(test::tiny_model_path().c_str(), options);
  ASSERT_TRUE(on_cpu.ok());
  options.back_end = &back_end();
  const Result<MemoryPlan> plan = plan_model(test::tiny_model_path().c_str(), options);
  ASSERT_TRUE(plan.ok());
  uint64_t weights = 0, mapped = 0;
  for (uint32_t i = 0; i < plan->class_count; ++i) {
    if (std::string(plan->classes[i].name) == "gpu_weights") weights = plan->classes[i].bytes;
    if (std::string(plan->classes[i].name) == "weights") mapped = plan->classes[i].bytes;
  }
  EXPECT_GT(weights, 100000u);
  EXPECT_EQ(weights + mapped, on_cpu->mapped_bytes);  // once: what the device has is not counted as mapped too
  options.context_tokens = plan->context_tokens;
  options.budget_bytes = plan->private_bytes;
  EXPECT_TRUE(Model::open(test::tiny_model_path().c_str(), options).ok());
  options.budget_bytes -= 1;
  EXPECT_EQ(Model::open(test::tiny_model_path().c_str(), options).status().code(), Code::over_budget);
}

TEST_F(VulkanModel, WhatADeviceCannotDoIsRefused) {
  OpenOptions options;
  options.back_end = &back_end();
  options.weights_mode = WeightsMode::streamed;
  EXPECT_EQ(Model::open(test::tiny_model_path().c_str(), options).status().code(), Code::unsupported);
  options.weights_mode = WeightsMode::automatic;
  options.device = "77";
  EXPECT_EQ(Model::open(test::tiny_model_path().c_str(), options).status().code(), Code::invalid_argument);
  options.device = "";
  options.submission_ms = 1001;
  const Status status = Model::open(test::tiny_model_path().c_str(), options).status();
  EXPECT_STREQ(status.message(), "open: submission_ms is 1001, expected 0 to 1000");
}

TEST_F(VulkanModel, AutomaticTakesNoCpuThatPlaysAGpu) {
  test::VulkanDevice device;
  if (device->info().kind != DeviceKind::cpu) GTEST_SKIP() << "there is a GPU";
  const Model model = open(&back_end(), DeviceUse::automatic);
  EXPECT_EQ(model.info().device, "cpu");
  EXPECT_NE(model.info().device_note.find("a CPU that plays a GPU"), std::string_view::npos);
}

TEST_F(VulkanModel, AutomaticMeasuresOnceAndSaysSo) {
  test::VulkanDevice device;
  if (device->info().kind != DeviceKind::cpu) GTEST_SKIP() << "a GPU may be faster";
  const test::TempFolder folder;
  const std::string cache = folder.path().string();
  std::string note;
  for (int i = 0; i < 2; ++i) {
    const Model model = open(&lying_back_end(), DeviceUse::automatic, cache.c_str());
    EXPECT_EQ(model.info().device, "cpu");
    EXPECT_TRUE(model.placement().empty());
    EXPECT_NE(model.info().device_note.find("a token takes"), std::string_view::npos) << model.info().device_note;
    EXPECT_TRUE(i == 0 || model.info().device_note == note);  // the same times: not measured again
    note = model.info().device_note;
    Session session = session_of(model);
    ASSERT_TRUE(session.append(kPrompt).ok());
    EXPECT_EQ(next(session, 10), cpu_answer(10));
  }
}

TEST_F(VulkanModel, ADeviceThatCannotBeOpenedLeavesTheCpu) {
  for (const char* name : {"vkCreateDevice", "vkAllocateMemory"}) {
    for (const int call : {0, 3, 6}) {
      test::fail_from_call(name, call, VK_ERROR_OUT_OF_DEVICE_MEMORY);
      const Model model = open(&lying_back_end(), DeviceUse::automatic);
      test::faults() = {};
      EXPECT_EQ(model.info().device, "cpu");
      Session session = session_of(model);
      ASSERT_TRUE(session.append(kPrompt).ok());
      EXPECT_EQ(next(session, 5), cpu_answer(5));
    }
  }
}

TEST_F(VulkanModel, SessionsGoOnWithTheCpuWhenTheDeviceIsLost) {
  const std::vector<int32_t> wanted = cpu_answer(20);
  test::fail_from_call("vkQueueSubmit", 1 << 30, VK_ERROR_DEVICE_LOST);
  const Model model = open(&back_end());
  Session first = session_of(model);
  Session second = session_of(model);
  ASSERT_TRUE(first.append(kPrompt).ok());
  std::vector<int32_t> begin = next(first, 10);
  ASSERT_TRUE(second.append(kPrompt).ok());
  // Another thread may be reading it while the device goes.
  const std::span<const PlacementRow> before = model.placement();
  const std::vector<PlacementRow> copy(before.begin(), before.end());
  test::faults().calls_until_failure = 0;
  // The token was drawn but not computed: the session stays as it was before.
  EXPECT_EQ(first.next({}).status().code(), Code::device_lost);
  for (const PlacementRow& row : model.placement()) EXPECT_FALSE(row.on_device);
  ASSERT_EQ(model.placement().size(), copy.size());
  for (size_t i = 0; i < copy.size(); ++i) {
    EXPECT_EQ(before[i].on_device, copy[i].on_device) << copy[i].what;
    EXPECT_STREQ(before[i].why, copy[i].why) << copy[i].what;
  }
  // What the device's memory holds now counts for nothing: as if it were gone.
  for (const int32_t id : next(first, 10)) begin.push_back(id);
  EXPECT_EQ(begin, wanted);
  EXPECT_EQ(next(second, 20), wanted);
  Session third = session_of(model);
  ASSERT_TRUE(third.append(kPrompt).ok());
  EXPECT_EQ(next(third, 20), wanted);
}

}  // namespace
}  // namespace runnel
