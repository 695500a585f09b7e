// Products by packed 8-bit dot products: activations are quantised on the device, in the groups and by the rule of the
// CPU's rows, into memory that the products of a step use in turn.
#pragma once

#include "graph/vulkan/ops/weights.h"

namespace runnel::vulkan {

// Whether a linear's products may be of bytes: its weights have such a shader, and the host or the file asks for 8-bit
// activations.
bool wants_dots(const CpuCall& call, Activations activations) noexcept;
// Whether such products are worth it there: the hardware has them, or the host asks for them by name.
bool takes_dots(const DeviceInfo& device, Activations activations) noexcept;
// Of a node's quantised activations; kernels/shaders/quants.glsl has the same.
uint64_t quant_bytes(const CpuCall& call, uint32_t tokens) noexcept;
// Requires: wants_dots().
Status record_dots(const DeviceNode& node, Recorder& recorder) noexcept;

}  // namespace runnel::vulkan
