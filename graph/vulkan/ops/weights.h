// Which storage types have shaders, and how their panels are counted there.
#pragma once

#include "graph/vulkan/ops/rows.h"
#include "kernels/dtype.h"

namespace runnel::vulkan {

struct WeightShaders {
  DType dtype;
  Shader linear, embed;
  uint32_t block;               // values that a shader takes together along k
  Shader dots = Shader::count;  // linear by products of bytes (dots.h); count: there is none
};

// Null: no shader reads the type.
const WeightShaders* find_weight_shaders(DType dtype) noexcept;
// Null when the device can read the tensor, else why not; static text.
const char* refuses_weights(const TensorDesc& tensor) noexcept;

struct DevicePanels {
  uint32_t size;    // of a panel in words, of a row in row form in bytes
  uint32_t blocks;  // of WeightShaders::block values, a row
};
// Requires: !refuses_weights(tensor).
DevicePanels device_panels(const TensorDesc& tensor) noexcept;

}  // namespace runnel::vulkan
