// The push constants of kernels/shaders/norm.glsl.
#pragma once

#include "graph/vulkan/ops/rows.h"

namespace runnel::vulkan {

struct NormPush {
  VkDeviceAddress x, weight, bias, y;
  uint32_t x_stride, y_stride;
  uint32_t width;
  float eps;
  uint32_t has_bias;
};

}  // namespace runnel::vulkan
