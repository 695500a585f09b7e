// Products by packed 8-bit dot products: the bits of the CPU's rows where nothing is split, taken only where they are
// asked for or fast, and floats where they fail.
#include "graph/vulkan/dots.h"

#include <algorithm>
#include <cstring>
#include <span>
#include <string>

#include "graph/builder.h"
#include "tests/graph/vulkan/faults.h"
#include "tests/graph/vulkan/vulkan_device.h"
#include "tests/support/device_runner.h"
#include "tests/support/graph_runner.h"
#include "tests/support/llama_graph.h"

namespace runnel {
namespace {

using test::DeviceRunner;
using test::GraphRunner;
using test::GraphWeights;

constexpr uint32_t kVocab = 200;

// Rows of an embedding times a matrix, and nothing else: a width that is no whole group, or many groups.
Graph product_graph(DType type, uint32_t width) {
  GraphBuilder b;
  const BuildValue x = b.embed(b.weight("embed", DType::f32, kVocab, width));
  const BuildValue y = b.linear(b.select_rows(x), b.weight("lm_head", type, kVocab, width));
  Graph graph;
  Array<GraphBuilder::WeightSource> sources;
  const Status status = b.finish(y, &graph, &sources);
  if (!status.ok()) throw std::runtime_error(status.message());
  return graph;
}

ExecutorOptions options_of(Activations activations, Isa isa = Isa::scalar) {
  ExecutorOptions options;
  options.isa = isa;
  options.max_tokens = options.max_outputs = 32;
  options.activations = activations;
  return options;
}

uint32_t nodes_by_dots(DeviceRunner& runner) {
  uint32_t nodes = 0;
  for (const PlacementRow& row : runner.executor().placement())
    if (row.on_device && std::strstr(row.what, "by 8-bit products") != nullptr) nodes += row.nodes;
  return nodes;
}

std::vector<int32_t> some_ids(uint32_t count) {
  std::vector<int32_t> ids(count);
  for (uint32_t i = 0; i < count; ++i) ids[i] = static_cast<int32_t>((i * 7919 + 13) % kVocab);
  return ids;
}

class VulkanDots : public testing::Test {
 protected:
  void SetUp() override {
    const test::VulkanDevice device;
    RUNNEL_NEEDS_VULKAN(device);
    if (!device->info().integer_dot) GTEST_SKIP() << "the driver has no VK_KHR_shader_integer_dot_product";
    test::faults() = {};
  }
  void TearDown() override { test::faults() = {}; }
};

TEST_F(VulkanDots, GiveTheBitsOfTheCpu) {
  const test::VulkanDevice device;
  RUNNEL_NEEDS_VULKAN(device);
  // A GPU's rows are split, and their sums added in another order.
  const bool whole_rows = vulkan::tuning_of(device->info()).vector_splits == 1;
  // Vulkan leaves it to the driver whether fma() rounds once, as in the tuned rows, or twice, as in the scalar ones of
  // a CPU without it.
  bool as_tuned = true, as_scalar = true;
  SerialFor serial;
  for (const DType type :
       {DType::q4g32, DType::q8g32, DType::q4ag32, DType::q5g32, DType::q5ag32, DType::iq4g32, DType::q4ag32s256,
        DType::q5ag32s256, DType::q6g16s256, DType::q3g16s256, DType::q2ag16s256, DType::iq4g32s256}) {
    for (const uint32_t width : {32u, 76u, 1024u}) {
      const Graph graph = product_graph(type, width);
      const GraphWeights weights(graph, 5);
      GraphRunner tuned(graph, weights, options_of(Activations::q8, active_isa()));
      GraphRunner scalar(graph, weights, options_of(Activations::q8));
      DeviceRunner gpu(*device, graph, weights.view(), options_of(Activations::q8));
      EXPECT_EQ(nodes_by_dots(gpu), 1u);
      for (const uint32_t tokens : {1u, 3u, 8u, 29u}) {
        const std::vector<float> got = gpu.all(some_ids(tokens)), wanted = tuned.all(some_ids(tokens), serial),
                                 rounded_twice = scalar.all(some_ids(tokens), serial);
        ASSERT_EQ(got.size(), wanted.size());
        for (size_t i = 0; i < got.size(); ++i)
          ASSERT_NEAR(got[i], wanted[i], 1e-4) << dtype_info(type).name << " width " << width << " tokens " << tokens;
        as_tuned = as_tuned && got == wanted;
        as_scalar = as_scalar && got == rounded_twice;
        ASSERT_TRUE(!whole_rows || as_tuned || as_scalar)
            << dtype_info(type).name << " width " << width << " tokens " << tokens;
      }
    }
  }
}

TEST_F(VulkanDots, OnlyWhereAskedForOrFast) {
  const Graph graph = product_graph(DType::q4g32, 64);
  const GraphWeights weights(graph, 5);
  const test::VulkanDevice device;
  RUNNEL_NEEDS_VULKAN(device);
  const auto dots = [&](Activations activations) {
    DeviceRunner runner(*device, graph, weights.view(), options_of(activations));
    return nodes_by_dots(runner);
  };
  EXPECT_EQ(dots(Activations::f32), 0u);
  EXPECT_EQ(dots(Activations::q16), 0u);
  EXPECT_EQ(dots(Activations::q8), 1u);
  EXPECT_EQ(dots(Activations::automatic), device->info().integer_dot_fast ? 1u : 0u);
  DeviceInfo info = device->info();
  info.integer_dot_fast = true;
  EXPECT_TRUE(vulkan::takes_dots(info, Activations::automatic));
  info.integer_dot_fast = info.integer_dot = false;
  EXPECT_FALSE(vulkan::takes_dots(info, Activations::q8));
}

// The quantiser does nothing: products of bytes are wrong, those of floats are not.
TEST_F(VulkanDots, FloatsWhereTheyFail) {
  const Graph graph = product_graph(DType::q4g32, 64 * 40);  // 80 groups: the quantiser has 2 work groups, nobody else
  const GraphWeights weights(graph, 5);
  test::drop_dispatches(2);
  vulkan::DeviceOptions options;
  options.instance.loader = test::faulty_loader();
  const test::VulkanDevice device(options);
  RUNNEL_NEEDS_VULKAN(device);
  ExecutorOptions one = options_of(Activations::q8);
  one.max_tokens = one.max_outputs = 1;
  DeviceRunner gpu(*device, graph, weights.view(), one);
  EXPECT_EQ(nodes_by_dots(gpu), 0u);
  EXPECT_EQ(gpu.cpu_nodes(), 0u);
  const std::span<const PlacementRow> rows = gpu.executor().placement();
  EXPECT_TRUE(std::any_of(rows.begin(), rows.end(), [](const PlacementRow& row) {
    return row.on_device && std::string(row.why).starts_with("products of floats, since those of 8 bits failed: ");
  }));
  SerialFor serial;
  GraphRunner cpu(graph, weights, options_of(Activations::f32));
  const std::vector<float> got = gpu.all(some_ids(1)), wanted = cpu.all(some_ids(1), serial);
  for (size_t i = 0; i < got.size(); ++i) ASSERT_NEAR(got[i], wanted[i], 1e-4);
}

TEST_F(VulkanDots, AWholeModelStaysNearTheCpus) {
  test::LlamaShape shape;
  shape.dtype = DType::q4g32;
  const Graph graph = test::llama_graph(shape);
  const GraphWeights weights(graph, 3);
  const test::VulkanDevice device;
  RUNNEL_NEEDS_VULKAN(device);
  DeviceRunner gpu(*device, graph, weights.view(), options_of(Activations::q8));
  EXPECT_EQ(gpu.cpu_nodes(), 1u);  // the table of positions
  EXPECT_EQ(nodes_by_dots(gpu), 4 * shape.layers + 1);
  GraphRunner cpu(graph, weights, options_of(Activations::q8));
  SerialFor serial;
  std::vector<int32_t> ids(20);
  for (size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<int32_t>(i * 31 % 90);
  const std::vector<float> got = gpu.all(ids), wanted = cpu.all(ids, serial);
  float size = 0, furthest = 0;
  for (size_t i = 0; i < got.size(); ++i) {
    size = std::max(size, std::abs(wanted[i]));
    furthest = std::max(furthest, std::abs(got[i] - wanted[i]));
  }
  EXPECT_LE(furthest, 2e-2f * size);  // a last bit of an input may round an activation to the other side
}

}  // namespace
}  // namespace runnel
