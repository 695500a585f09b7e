// What the shaders ask of a device, read from their SPIR-V: memory by address alone, so that no limit on the range of a
// bound buffer is met (128 MiB on many phones), and nothing of subgroups, so that their sizes (4 to 128) do not matter.
#include "graph/vulkan/shaders.h"

#include <algorithm>

#include "tests/graph/vulkan/faults.h"
#include "tests/graph/vulkan/vulkan_device.h"
#include "tests/support/device_runner.h"
#include "tests/support/graph_runner.h"
#include "tests/support/llama_graph.h"

namespace runnel {
namespace {

using vulkan::Shader;

// Of the SPIR-V specification.
enum Op : uint32_t { kCapability = 17, kVariable = 59, kDecorate = 71 };
enum Decoration : uint32_t { kBuiltIn = 11, kBinding = 33, kDescriptorSet = 34 };
enum StorageClass : uint32_t { kUniformConstant = 0, kUniform = 2, kStorageBuffer = 12, kPushConstant = 9 };
enum Capability : uint32_t {
  kShader = 1,
  kPhysicalStorageBufferAddresses = 5347,
  kDotProductInput4x8BitPacked = 6018,
  kDotProduct = 6019
};
enum BuiltIn : uint32_t {
  kNumWorkgroups = 24,  // of a cut dispatch those of the piece
  kWorkgroupSize = 25,
  kWorkgroupId = 26,
  kLocalInvocationId = 27,
  kGlobalInvocationId = 28,
};

struct Asked {
  std::vector<uint32_t> capabilities, storage_classes, decorations, built_ins;
};

Asked read(Shader shader) {
  constexpr size_t kHeaderWords = 5;
  const std::span<const uint32_t> code = vulkan::shader_code(shader);
  Asked asked;
  EXPECT_GT(code.size(), kHeaderWords);
  EXPECT_EQ(code[0], 0x07230203u);
  for (size_t at = kHeaderWords; at < code.size();) {
    const uint32_t op = code[at] & 0xffff, words = code[at] >> 16;
    if (words == 0 || at + words > code.size()) {
      ADD_FAILURE() << "an instruction of " << words << " words at " << at;
      break;
    }
    if (op == kCapability) asked.capabilities.push_back(code[at + 1]);
    if (op == kVariable) asked.storage_classes.push_back(code[at + 3]);
    if (op == kDecorate) asked.decorations.push_back(code[at + 2]);
    if (op == kDecorate && code[at + 2] == kBuiltIn) asked.built_ins.push_back(code[at + 3]);
    at += words;
  }
  return asked;
}

bool has(const std::vector<uint32_t>& list, uint32_t value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

TEST(VulkanShaders, AskForNothingThatAnyDeviceLacks) {
  for (uint32_t s = 0; s < static_cast<uint32_t>(Shader::count); ++s) {
    const auto shader = static_cast<Shader>(s);
    const Asked asked = read(shader);
    const char* name = vulkan::shader_name(shader);
    // No subgroup operations, no 8- or 16-bit types, no float64.
    EXPECT_TRUE(has(asked.capabilities, kShader)) << name;
    const bool dots = std::string_view(name).starts_with("linear_dot_");  // only where the device has them
    for (const uint32_t capability : asked.capabilities)
      EXPECT_TRUE(capability == kShader || capability == kPhysicalStorageBufferAddresses ||
                  (dots && (capability == kDotProductInput4x8BitPacked || capability == kDotProduct)))
          << name << " asks for capability " << capability;
    // Nothing that would say how large a subgroup is, or which thread of one this is.
    for (const uint32_t built_in : asked.built_ins)
      EXPECT_TRUE(built_in >= kWorkgroupSize && built_in <= kGlobalInvocationId)
          << name << " reads built-in " << built_in;
    // No buffer is bound: sizes and ranges of descriptors limit nothing.
    EXPECT_TRUE(has(asked.storage_classes, kPushConstant)) << name;
    for (const uint32_t bound : {kUniformConstant, kUniform, kStorageBuffer})
      EXPECT_FALSE(has(asked.storage_classes, bound)) << name << " binds a variable of class " << bound;
    EXPECT_FALSE(has(asked.decorations, kBinding) || has(asked.decorations, kDescriptorSet)) << name;
  }
}

// The same, run: a phone's limit on ranges, a matrix that is larger, and all of it read, to its last row.
TEST(VulkanShaders, AMatrixLargerThanABoundBufferMayBe) {
  constexpr uint32_t kRange = 128 << 20;
  test::faults() = {};
  test::change_properties([](auto& properties) { properties.limits.maxStorageBufferRange = kRange; });
  vulkan::DeviceOptions device_options;
  device_options.instance.loader = test::faulty_loader();
  {
    const test::VulkanDevice device(device_options);
    RUNNEL_NEEDS_VULKAN(device);
    EXPECT_EQ(device->info().max_buffer_range, kRange);
    test::LlamaShape shape;
    shape.model = 512;
    shape.layers = 1;
    shape.vocab = 67000;
    shape.dtype = shape.down_dtype = DType::f32;
    const Graph graph = test::llama_graph(shape);
    ASSERT_GT(std::max_element(graph.tensors.begin(), graph.tensors.end(),
                               [](const TensorDesc& a, const TensorDesc& b) { return a.bytes < b.bytes; })
                  ->bytes,
              kRange);
    const test::GraphWeights weights(graph, 3);
    ExecutorOptions options;
    options.max_tokens = options.max_outputs = 2;
    options.activations = Activations::f32;
    test::DeviceRunner gpu(*device, graph, weights.view(), options);
    EXPECT_EQ(gpu.cpu_nodes(), 1u);  // the table of positions
    test::GraphRunner cpu(graph, weights, options);
    SerialFor serial;
    const std::vector<int32_t> ids = {66999, 5};
    const std::vector<float> got = gpu.all(ids), wanted = cpu.all(ids, serial);
    ASSERT_EQ(got.size(), wanted.size());
    float size = 0, furthest = 0;
    for (size_t i = 0; i < got.size(); ++i) {
      size = std::max(size, std::abs(wanted[i]));
      furthest = std::max(furthest, std::abs(got[i] - wanted[i]));
    }
    EXPECT_GT(size, 0.01f);
    EXPECT_LE(furthest, 2e-3f * size);
  }
  test::faults() = {};
}

}  // namespace
}  // namespace runnel
