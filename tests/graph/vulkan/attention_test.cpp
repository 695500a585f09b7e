// Attention alone, of any heads and stored types: the CPU's outputs, and pages with the CPU's bytes.
#include <cmath>
#include <cstring>

#include "graph/builder.h"
#include "graph/cpu/kv_layout.h"
#include "tests/graph/vulkan/faults.h"
#include "tests/graph/vulkan/vulkan_device.h"
#include "tests/support/device_runner.h"
#include "tests/support/graph_runner.h"

namespace runnel {
namespace {

using test::DeviceRunner;
using test::GraphRunner;
using test::GraphWeights;

constexpr uint32_t kVocab = 160;

struct Shape {
  uint32_t heads = 4, kv_heads = 2, head_dim = 64, window = 0;
};

// Queries, keys and values are rows of tables, outputs are the logits.
Graph attention_graph(const Shape& shape) {
  GraphBuilder b;
  const auto rows = [&](const char* name, uint32_t heads) {
    return b.embed(b.weight(name, DType::f32, kVocab, heads * shape.head_dim));
  };
  const BuildValue q = rows("q", shape.heads), k = rows("k", shape.kv_heads), v = rows("v", shape.kv_heads);
  AttentionOptions options;
  options.heads = shape.heads;
  options.kv_heads = shape.kv_heads;
  options.head_dim = shape.head_dim;
  options.window = shape.window;
  Graph graph;
  Array<GraphBuilder::WeightSource> sources;
  const Status status = b.finish(b.select_rows(b.attention(q, k, v, options)), &graph, &sources);
  if (!status.ok()) throw std::runtime_error(status.message());
  return graph;
}

ExecutorOptions options_of(KvTypes kv) {
  ExecutorOptions options;
  options.max_tokens = options.max_outputs = 64;
  options.kv = kv;
  options.isa = cpu_isa();  // whose bits quantised numbers have
  return options;
}

std::vector<int32_t> some_ids(uint32_t count, uint32_t from = 0) {
  std::vector<int32_t> ids(count);
  for (uint32_t i = 0; i < count; ++i) ids[i] = static_cast<int32_t>(((from + i) * 7919 + 13) % kVocab);
  return ids;
}

// Bytes of keys and values in the first pages, which are full.
void expect_equal_pages(const Graph& graph, KvTypes types, uint32_t page_shift, uint32_t pages,
                        uint8_t* const* const* got, uint8_t* const* const* wanted) {
  std::vector<KvSlotLayout> slots(graph.slots.size());
  KvLayout layout = {slots, {}, types};
  layout.groups.page_shift = page_shift;
  ASSERT_TRUE(lay_out_kv(graph.slots, &layout));
  const KvSlotLayout& slot = slots[0];
  for (const KvPlace& place : {slot.keys, slot.values}) {
    for (uint32_t p = 0; p < pages; ++p) {
      const uint8_t* a = got[slot.group][p] + place.offset;
      const uint8_t* b = wanted[slot.group][p] + place.offset;
      for (uint64_t i = 0; i < place.head_stride * graph.slots[0].kv_heads; ++i)
        ASSERT_EQ(a[i], b[i]) << (place.offset == slot.keys.offset ? "keys" : "values") << ", page " << p << ", byte "
                              << i;
    }
  }
}

void expect_close(const std::vector<float>& got, const std::vector<float>& wanted) {
  ASSERT_EQ(got.size(), wanted.size());
  double furthest = 0, squares = 0;
  for (size_t i = 0; i < got.size(); ++i) {
    const double off = std::fabs(double{got[i]} - wanted[i]);
    furthest = off > furthest || std::isnan(off) ? off : furthest;
    squares += double{wanted[i]} * wanted[i];
  }
  const double size = std::sqrt(squares / static_cast<double>(wanted.size()));
  EXPECT_GT(size, 1e-3);
  EXPECT_LE(furthest, 2e-5 * size);  // floats in another order, over the same stored numbers
}

void compare(ComputeDevice& device, const Shape& shape, KvTypes kv) {
  SCOPED_TRACE(testing::Message() << shape.heads << " heads over " << shape.kv_heads << " of " << shape.head_dim
                                  << ", window " << shape.window << ", keys " << int(kv.keys) << ", values "
                                  << int(kv.values));
  const Graph graph = attention_graph(shape);
  const GraphWeights weights(graph, 7, 4);
  const ExecutorOptions options = options_of(kv);
  GraphRunner cpu(graph, weights, options);
  DeviceRunner gpu(device, graph, weights.view(), options);
  ASSERT_EQ(gpu.cpu_nodes(), 0u) << gpu.executor().placement().back().why;
  SerialFor serial;
  for (const uint32_t tokens : {1u, 2u, 3u, 33u, 1u, 64u, 4u, 5u, 47u}) {  // 160: five pages
    const std::vector<int32_t> ids = some_ids(tokens, gpu.position);
    expect_close(gpu.all(ids), cpu.all(ids, serial));
  }
  expect_equal_pages(graph, kv, options.page_shift, gpu.position >> options.page_shift, gpu.pages(), cpu.pages());
}

TEST(VulkanAttention, KeysAndValuesOfAllTypes) {
  const test::VulkanDevice device;
  RUNNEL_NEEDS_VULKAN(device);
  for (uint8_t keys = 0; keys < kKvTypeCount; ++keys)
    for (uint8_t values = 0; values < kKvTypeCount; ++values)
      compare(*device, {}, KvTypes(static_cast<KvType>(keys), static_cast<KvType>(values)));
}

// Last groups that are short, heads that rotate in blocks or not at all.
TEST(VulkanAttention, HeadsOfAllSizes) {
  const test::VulkanDevice device;
  RUNNEL_NEEDS_VULKAN(device);
  for (const uint32_t head_dim : {8u, 14u, 17u, 32u, 80u, 96u, 128u, 512u})
    for (const KvType kv : {KvType::q8, KvType::q4}) compare(*device, {4, 2, head_dim}, kv);
}

TEST(VulkanAttention, GroupsAndWindows) {
  const test::VulkanDevice device;
  RUNNEL_NEEDS_VULKAN(device);
  for (const KvType kv : {KvType::f16, KvType::q8, KvType::q4}) {
    compare(*device, {3, 3, 32}, kv);
    compare(*device, {10, 2, 32}, kv);
    compare(*device, {6, 2, 48, 1}, kv);
    compare(*device, {6, 2, 48, 24}, kv);
    compare(*device, {4, 1, 64, 70}, kv);
  }
}

// Zeros, numbers whose scale is subnormal or nothing, too large for a scale, equal in magnitude, not finite.
TEST(VulkanAttention, NumbersAtTheEdgesAreStoredAsOnTheCpu) {
  const test::VulkanDevice device;
  RUNNEL_NEEDS_VULKAN(device);
  const Shape shape = {1, 1, 40};
  const Graph graph = attention_graph(shape);
  GraphWeights weights(graph, 7, 4);
  const auto row = [&](uint32_t index, auto value) {
    std::vector<float> values(shape.head_dim);
    for (uint32_t i = 0; i < shape.head_dim; ++i) values[i] = value(i);
    for (uint32_t t = 0; t < graph.tensors.size(); ++t) weights.set_row(t, index, values);
  };
  row(0, [](uint32_t) { return 0.0f; });
  row(1, [](uint32_t) { return -0.0f; });
  row(2, [](uint32_t i) { return 1e-7f * static_cast<float>(i); });
  row(3, [](uint32_t i) { return i % 3 == 0 ? 3e-5f : -2e-5f; });
  row(4, [](uint32_t i) { return i == 20 ? 1e30f : 1.0f; });
  row(5, [](uint32_t i) { return i % 2 == 0 ? 0.75f : -0.75f; });
  row(6, [](uint32_t i) { return i == 33 ? -7.0f : 0.0f; });
  row(7, [](uint32_t i) { return i == 3 ? std::nanf("") : 1.0f; });
  row(8, [](uint32_t i) { return i == 5 ? HUGE_VALF : i == 6 ? -HUGE_VALF : 2.0f; });
  row(9, [](uint32_t i) { return 70000.0f - 5000.0f * static_cast<float>(i); });
  for (const KvType kv : {KvType::q8, KvType::q4}) {
    const ExecutorOptions options = options_of(kv);
    GraphRunner cpu(graph, weights, options);
    DeviceRunner gpu(*device, graph, weights.view(), options);
    ASSERT_EQ(gpu.cpu_nodes(), 0u);
    std::vector<int32_t> ids(32);
    for (int32_t i = 0; i < 32; ++i) ids[static_cast<size_t>(i)] = i % 10;
    SerialFor serial;
    (void)gpu.all(ids);
    (void)cpu.all(ids, serial);
    expect_equal_pages(graph, kv, options.page_shift, 1, gpu.pages(), cpu.pages());
  }
}

// A row's bits depend on its position alone: steps of up to 8 tokens hand out their parts, longer ones do not.
TEST(VulkanAttention, SplitAndWholeGiveTheSameBits) {
  const test::VulkanDevice device;
  RUNNEL_NEEDS_VULKAN(device);
  constexpr uint32_t kTokens = 600;
  for (const Shape& shape : {Shape{4, 1, 32}, Shape{3, 3, 16}, Shape{10, 2, 64, 300}}) {
    const Graph graph = attention_graph(shape);
    const GraphWeights weights(graph, 7, 4);
    for (const KvType kv : {KvType::f16, KvType::q4}) {
      DeviceRunner whole(*device, graph, weights.view(), options_of(kv), 0, kTokens + 32);
      DeviceRunner split(*device, graph, weights.view(), options_of(kv), 0, kTokens + 32);
      ASSERT_EQ(whole.cpu_nodes() + split.cpu_nodes(), 0u);
      std::vector<float> wanted, got;
      const auto run = [](DeviceRunner& runner, uint32_t tokens, std::vector<float>* all) {
        const std::vector<float> rows = runner.all(some_ids(tokens, runner.position));
        all->insert(all->end(), rows.begin(), rows.end());
      };
      while (whole.position < kTokens) run(whole, 50, &wanted);
      while (split.position < kTokens - 100) run(split, 50, &got);
      for (uint32_t tokens = 8; split.position < kTokens; tokens = tokens == 8 ? 1 : tokens == 1 ? 3 : 8)
        run(split, std::min(tokens, kTokens - split.position), &got);
      ASSERT_EQ(got.size(), wanted.size());
      EXPECT_EQ(std::memcmp(got.data(), wanted.data(), got.size() * sizeof(float)), 0)
          << shape.heads << " heads over " << shape.kv_heads << ", type " << int(kv);
    }
  }
}

// Where every part has a second range.
TEST(VulkanAttention, BeyondThe16RangesOfAllParts) {
  const test::VulkanDevice device;
  RUNNEL_NEEDS_VULKAN(device);
  const Graph graph = attention_graph({2, 1, 16});
  const GraphWeights weights(graph, 7, 4);
  ExecutorOptions options = options_of(KvType::q8);
  options.page_shift = 7;
  GraphRunner cpu(graph, weights, options);
  DeviceRunner gpu(*device, graph, weights.view(), options, 0, 4608);
  ASSERT_EQ(gpu.cpu_nodes(), 0u);
  SerialFor serial;
  std::vector<float> got, wanted;
  while (gpu.position < 4410) {
    const uint32_t tokens = gpu.position < 4390 ? 64 : 1;
    const std::vector<int32_t> ids = some_ids(tokens, gpu.position);
    ASSERT_TRUE(gpu.step(ids, {tokens - 1}, &got).ok());
    ASSERT_TRUE(cpu.step(ids, {tokens - 1}, serial, &wanted).ok());
    expect_close(got, wanted);
  }
}

// A shader that does nothing is found by the test: attention runs on the CPU, and `placement` says why.
void expect_on_the_cpu(const Shape& shape, int dropped_groups) {
  test::faults() = {};
  vulkan::DeviceOptions faulty;
  faulty.instance.loader = test::faulty_loader();
  test::drop_dispatches(dropped_groups);
  {
    const test::VulkanDevice device(faulty);
    RUNNEL_NEEDS_VULKAN(device);
    const Graph graph = attention_graph(shape);
    const GraphWeights weights(graph, 7, 4);
    DeviceRunner gpu(*device, graph, weights.view(), options_of(KvType::q8));
    EXPECT_EQ(gpu.cpu_nodes(), 1u);
    for (const PlacementRow& row : gpu.executor().placement())
      EXPECT_EQ(row.on_device, std::strncmp(row.why, "wrong results", 13) != 0) << row.what << ": " << row.why;
    GraphRunner cpu(graph, weights, options_of(KvType::q8));
    SerialFor serial;
    expect_close(gpu.all(some_ids(19)), cpu.all(some_ids(19), serial));
  }
  test::faults() = {};
}

TEST(VulkanAttention, OnTheCpuWhereStoringFails) {
  expect_on_the_cpu({}, 6);  // 19 tokens of the test lie in at most 6 fours
}

TEST(VulkanAttention, OnTheCpuWhereMergingFails) {
  expect_on_the_cpu({5, 5, 32}, 5);  // a work group a head
}

}  // namespace
}  // namespace runnel
