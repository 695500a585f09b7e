// The embedded shaders, by row of kernels/shaders/shaders.inc.
#pragma once

#include <cstdint>
#include <span>

namespace runnel::vulkan {

enum class Shader : uint8_t {
#define SHADER(name) name,
#include "kernels/shaders/shaders.inc"
#undef SHADER
  count,
};

const char* shader_name(Shader shader) noexcept;
std::span<const uint32_t> shader_code(Shader shader) noexcept;  // SPIR-V
// Changes when any shader does.
uint64_t shaders_hash() noexcept;

}  // namespace runnel::vulkan
