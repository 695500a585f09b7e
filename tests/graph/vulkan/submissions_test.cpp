// How a step is cut: the same bits whatever a submission's length, nodes larger than one cut as well, and cut anew when
// the device turns out faster or slower than it was taken for.
#include <cstring>

#include "graph/vulkan/recordings.h"
#include "tests/graph/vulkan/faults.h"
#include "tests/graph/vulkan/vulkan_device.h"
#include "tests/support/device_runner.h"
#include "tests/support/llama_graph.h"

namespace runnel {
namespace {

using test::DeviceRunner;
using test::GraphWeights;
using vulkan::Recording;
using vulkan::Work;

constexpr int kMany = 1 << 30;

class VulkanSubmissions : public testing::Test {
 protected:
  void SetUp() override {
    const test::VulkanDevice device;
    RUNNEL_NEEDS_VULKAN(device);
    test::faults() = {};
    test::fail_from_call("vkQueueSubmit", kMany, VK_SUCCESS);  // it only counts
    test::watch_dispatches();
  }
  void TearDown() override { test::faults() = {}; }

  static ExecutorOptions options() {
    ExecutorOptions options;
    options.max_tokens = options.max_outputs = kTokens;
    options.activations = Activations::f32;
    return options;
  }
  static constexpr uint32_t kTokens = 64;
};

struct Outcome {
  std::vector<std::vector<float>> logits;  // of each step
  std::vector<int> submissions;
  uint64_t dispatches = 0, largest_dispatch = 0;  // of the first step
};

Outcome run_with(const Graph& graph, const GraphWeights& weights, const ExecutorOptions& options,
                 uint32_t submission_ms) {
  vulkan::DeviceOptions device_options;
  device_options.instance.loader = test::faulty_loader();
  const test::VulkanDevice device(device_options);
  DeviceRunner runner(*device, graph, weights.view(), options, submission_ms);
  Outcome result;
  for (const uint32_t tokens : {options.max_tokens, 1u, options.max_tokens, 1u}) {
    std::vector<int32_t> ids(tokens);
    for (uint32_t i = 0; i < tokens; ++i) ids[i] = static_cast<int32_t>(i * 37 % 90);
    if (result.logits.empty()) test::faults().dispatches = test::faults().largest_dispatch = 0;
    const int before = test::faults().calls_until_failure;
    result.logits.push_back(runner.all(ids));
    result.submissions.push_back(before - test::faults().calls_until_failure);
    if (result.logits.size() != 1) continue;
    result.dispatches = test::faults().dispatches;
    result.largest_dispatch = test::faults().largest_dispatch;
  }
  return result;
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

// Nearly all of its work is one product, of 34 million multiplications.
TEST_F(VulkanSubmissions, ALargeNodeIsCutAndBitsStay) {
  test::LlamaShape shape;
  shape.model = 128;
  shape.ffn = 128;
  shape.vocab = 4096;
  shape.layers = 1;
  shape.dtype = shape.down_dtype = DType::q4g32;
  const Graph graph = test::llama_graph(shape);
  const GraphWeights weights(graph, 3);
  const Outcome whole = run_with(graph, weights, options(), 1000);
  const Outcome cut = run_with(graph, weights, options(), 1);
  // A device of which nothing is known is taken to do a multiplication a nanosecond: all of this in one submission of a
  // second. Of a millisecond each they begin at a million and grow fourfold at most, two being on their way at a time:
  // 1, 1, 4, 4, 16, 16, 64 and what is left.
  EXPECT_EQ(whole.submissions[0], 1);
  EXPECT_GE(cut.submissions[0], 6);
  EXPECT_GE(whole.largest_dispatch, 4 * cut.largest_dispatch);
  ASSERT_EQ(whole.logits.size(), cut.logits.size());
  for (size_t i = 0; i < whole.logits.size(); ++i) EXPECT_TRUE(same_bits(whole.logits[i], cut.logits[i])) << i;
}

TEST_F(VulkanSubmissions, AttentionIsCutAndBitsStay) {
  test::LlamaShape shape;
  shape.heads = 16;  // most of the work is attention's
  shape.dtype = DType::q8g32;
  for (const uint32_t window : {0u, 40u}) {
    shape.window = window;
    const Graph graph = test::llama_graph(shape);
    const GraphWeights weights(graph, 3);
    const Outcome whole = run_with(graph, weights, options(), 1000);
    const Outcome cut = run_with(graph, weights, options(), 1);
    EXPECT_EQ(whole.submissions[0], 1);
    EXPECT_GE(cut.submissions[0], 4);
    EXPECT_GE(cut.dispatches, whole.dispatches + 4 * shape.layers);
    for (size_t i = 0; i < whole.logits.size(); ++i) EXPECT_TRUE(same_bits(whole.logits[i], cut.logits[i])) << i;
  }
}

// Until the pace learnt is within a few percent of `rate`, multiplications a nanosecond.
void learn(Recording* recording, double rate) {
  for (int i = 0; i < 100; ++i) recording->pace.learn(static_cast<uint64_t>(rate * 1e6), 1'000'000);
}

TEST(VulkanRecording, IsCutAnewWhenTheDeviceIsAnother) {
  constexpr Work kStep = {1'000'000'000, 0};
  Recording recording;
  recording.plan_cuts(kStep, 1);
  EXPECT_EQ(recording.cut_work, 2'000'000u);  // a quarter of 8 ms, at first
  for (int i = 0; i < 500; ++i) ASSERT_TRUE(recording.parts.push({}));
  EXPECT_FALSE(recording.stale(1));
  learn(&recording, 0.5);
  EXPECT_FALSE(recording.stale(1));
  learn(&recording, 0.2);  // 1.6 million in a slice
  EXPECT_TRUE(recording.stale(1));
  recording.plan_cuts(kStep, 1);
  EXPECT_EQ(recording.cut_work, kStep.fixed / 1024 + 1);  // shorter parts would be too many
  EXPECT_FALSE(recording.stale(1));
  learn(&recording, 100);
  EXPECT_TRUE(recording.stale(1));
  recording.plan_cuts(kStep, 1);
  EXPECT_NEAR(static_cast<double>(recording.cut_work), 200e6, 1e6);
  EXPECT_FALSE(recording.stale(1));
}

TEST(VulkanRecording, IsCutAnewWhenAttentionLooksFurtherBack) {
  Recording recording;
  recording.plan_cuts({0, 1000}, 10);
  EXPECT_FALSE(recording.stale(1024));
  EXPECT_TRUE(recording.stale(1025));
  recording.plan_cuts({0, 1000}, 1025);
  EXPECT_FALSE(recording.stale(2048));
  EXPECT_TRUE(recording.stale(2049));
}

}  // namespace
}  // namespace runnel
