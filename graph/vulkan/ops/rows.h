// What the element-wise ops share: the push constants of kernels/shaders/rows.glsl, and a dispatch of a thread a
// column.
#pragma once

#include "graph/vulkan/recorder.h"
#include "kernels/base/checked.h"

namespace runnel::vulkan {

struct RowsPush {
  VkDeviceAddress a, b, y;
  uint32_t a_stride, b_stride, y_stride;
  uint32_t cols;
  float factor;
};

inline uint32_t stride_of(const CpuOperand& operand) noexcept { return static_cast<uint32_t>(operand.stride); }

inline uint32_t groups(uint32_t count, uint32_t of) noexcept { return (count + of - 1) / of; }

inline const char* never_refuses(const CpuCall&, const KvLayout&) noexcept { return nullptr; }

inline Status record_rows(Shader shader, const DeviceNode& node, float factor, uint32_t constant,
                          Recorder& recorder) noexcept {
  const CpuCall& call = *node.call;
  const bool two = call.input_count > 1;
  const RowsPush push = {node.in[0],
                         two ? node.in[1] : node.in[0],
                         node.out[0],
                         stride_of(call.in[0]),
                         two ? stride_of(call.in[1]) : 0,
                         stride_of(call.out[0]),
                         call.out[0].cols,
                         factor};
  const uint32_t threads = recorder.tuning().row_threads;
  return recorder.dispatch(shader, {{threads, constant}}, push, groups(call.out[0].cols, threads), call.out[0].rows);
}

}  // namespace runnel::vulkan
