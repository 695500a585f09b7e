#include "graph/vulkan/shaders.h"

#include "graph/vulkan/hash.h"
#include "kernels/shaders/all_shaders.h"

namespace runnel::vulkan {
namespace {

struct Row {
  const char* name;
  std::span<const uint32_t> code;
};

constexpr Row kRows[] = {
#define SHADER(name) {#name, shader_##name},
#include "kernels/shaders/shaders.inc"
#undef SHADER
};

}  // namespace

const char* shader_name(Shader shader) noexcept { return kRows[static_cast<size_t>(shader)].name; }

std::span<const uint32_t> shader_code(Shader shader) noexcept { return kRows[static_cast<size_t>(shader)].code; }

uint64_t shaders_hash() noexcept {
  Hash hash;
  for (const Row& row : kRows) {
    for (const uint32_t word : row.code) hash.add(word);
  }
  return hash.value();
}

}  // namespace runnel::vulkan
