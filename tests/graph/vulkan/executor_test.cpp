// The device's executor beside the CPU's over the same graphs: every shape, storage type and step length.
#include <cmath>

#include "graph/vulkan/executor.h"
#include "tests/graph/vulkan/vulkan_device.h"
#include "tests/support/device_runner.h"
#include "tests/support/graph_runner.h"
#include "tests/support/llama_graph.h"

namespace runnel {
namespace {

using test::DeviceRunner;
using test::GraphRunner;
using test::GraphWeights;
using test::LlamaShape;

std::vector<int32_t> some_ids(uint32_t count, uint32_t vocab) {
  std::vector<int32_t> ids(count);
  for (uint32_t i = 0; i < count; ++i) ids[i] = static_cast<int32_t>((i * 7919 + 13) % vocab);
  return ids;
}

ExecutorOptions float_options(KvTypes kv = KvType::f16) {
  ExecutorOptions options;
  options.max_tokens = 64;
  options.max_outputs = 64;
  options.activations = Activations::f32;  // the device rounds no activations
  options.kv = kv;
  return options;
}

// The stated bound: floats in another order, keys and values rounded alike.
void expect_close(const std::vector<float>& got, const std::vector<float>& wanted) {
  ASSERT_EQ(got.size(), wanted.size());
  double largest = 0, size = 0;
  for (size_t i = 0; i < got.size(); ++i) {
    const double off = std::fabs(double{got[i]} - wanted[i]);
    largest = off > largest || std::isnan(off) ? off : largest;
    size = std::max(size, std::fabs(double{wanted[i]}));
  }
  EXPECT_LE(largest, 2e-3 * size);
  EXPECT_GT(size, 0.01);
}

void compare(const LlamaShape& shape, KvTypes kv = KvType::f16) {
  test::VulkanDevice device;
  RUNNEL_NEEDS_VULKAN(device);
  const Graph graph = test::llama_graph(shape);
  const GraphWeights weights(graph, 3);
  SerialFor serial;
  GraphRunner cpu(graph, weights, float_options(kv));
  DeviceRunner gpu(*device, graph, weights.view(), float_options(kv));
  for (const PlacementRow& row : gpu.executor().placement()) {
    EXPECT_EQ(row.on_device, row.why[0] == '\0') << row.what;
  }
  EXPECT_EQ(gpu.cpu_nodes(), 1u);  // the table of positions, early
  for (const uint32_t tokens : {1u, 5u, 1u, 1u, 33u, 2u, 64u, 1u}) {
    const std::vector<int32_t> ids = some_ids(tokens, shape.vocab);
    expect_close(gpu.all(ids), cpu.all(ids, serial));
    // Only the last row's logits.
    std::vector<float> one_gpu, one_cpu;
    ASSERT_TRUE(gpu.step(ids, {tokens - 1}, &one_gpu).ok());
    ASSERT_TRUE(cpu.step(ids, {tokens - 1}, serial, &one_cpu).ok());
    expect_close(one_gpu, one_cpu);
    ASSERT_TRUE(gpu.step(ids, {}, &one_gpu).ok());
    ASSERT_TRUE(cpu.step(ids, {}, serial, &one_cpu).ok());
  }
}

class VulkanTypes : public testing::TestWithParam<DType> {};
TEST_P(VulkanTypes, GivesTheCpusLogits) {
  LlamaShape shape;
  shape.dtype = shape.down_dtype = GetParam();
  shape.ffn = 256;
  shape.model = dtype_info(GetParam()).group > 32 ? 256 : 64;
  compare(shape);
}
INSTANTIATE_TEST_SUITE_P(All, VulkanTypes,
                         testing::Values(DType::f32, DType::f16, DType::bf16, DType::q8g32, DType::q4g32, DType::q4ag32,
                                         DType::q5g32, DType::q5ag32, DType::iq4g32, DType::q4ag32s256,
                                         DType::q5ag32s256, DType::q6g16s256, DType::q3g16s256, DType::q2ag16s256,
                                         DType::iq4g32s256, DType::mxfp4g32, DType::tq1g256, DType::tq2g256),
                         [](const auto& info) { return dtype_info(info.param).name; });

TEST(VulkanExecutor, WidthsThatAreNoWholeBlocks) {
  LlamaShape shape;
  shape.model = 76;
  shape.ffn = 90;
  shape.heads = 3;
  shape.kv_heads = 1;
  shape.head_dim = 14;
  shape.vocab = 101;
  for (const DType type : {DType::f32, DType::f16, DType::q4g32, DType::q4ag32, DType::q8g32, DType::q5g32,
                           DType::q5ag32s256, DType::q3g16s256, DType::mxfp4g32, DType::tq1g256}) {
    shape.dtype = shape.down_dtype = type;
    compare(shape);
  }
}

TEST(VulkanExecutor, KeysAndValuesOfTwoTypes) {
  compare({}, KvType::f32);
  compare({}, KvTypes(KvType::f32, KvType::f16));
  compare({}, KvTypes(KvType::f16, KvType::f32));
}

TEST(VulkanExecutor, BiasesHeadNormsWindowsPartialRotationsAndCaps) {
  LlamaShape shape;
  shape.attention_bias = shape.qk_norm = shape.interleaved = true;
  shape.window = 24;
  shape.rotary_dim = 8;
  shape.logits_cap = 5;
  compare(shape);
}

TEST(VulkanExecutor, OddHeads) {
  LlamaShape shape;
  shape.heads = 6;
  shape.kv_heads = 2;
  shape.head_dim = 80;
  shape.layers = 1;
  compare(shape);
}

TEST(VulkanExecutor, APlanIsWhatTheDriverGives) {
  test::VulkanDevice device;
  RUNNEL_NEEDS_VULKAN(device);
  LlamaShape shape;
  shape.model = 512;
  shape.ffn = 2048;
  shape.vocab = 4096;
  const Graph graph = test::llama_graph(shape);
  const GraphWeights weights(graph, 3);
  const uint64_t before = device->allocated_bytes();
  const Result<DevicePlan> plan = vulkan::plan_executor(graph, {float_options(), DeviceRunner::kContext});
  ASSERT_TRUE(plan.ok());
  Result<DeviceExecutor*> executor =
      device->make_executor(graph, weights.view(), {float_options(), DeviceRunner::kContext});
  ASSERT_TRUE(executor.ok()) << executor.status().message();
  const auto taken = static_cast<double>(device->allocated_bytes() - before);
  const auto planned = static_cast<double>(plan->weight_bytes + plan->arena_bytes + plan->step_bytes);
  EXPECT_NEAR(taken / planned, 1, 0.02);
  (*executor)->destroy();
}

}  // namespace
}  // namespace runnel
