#include "graph/vulkan/ops/rows.h"

namespace runnel::vulkan {
namespace {

enum : uint32_t { kHeads, kHeadDim, kRotaryDim, kInterleaved };

struct Push {
  VkDeviceAddress x, table, y;
  uint32_t x_stride, table_stride, y_stride;
  uint32_t heads, head_dim, half_dim, interleaved;
};

Status record(const DeviceNode& node, Recorder& recorder) noexcept {
  const CpuCall& call = *node.call;
  const auto attr = [&](uint32_t index) { return static_cast<uint32_t>(call.attrs[index]); };
  const uint32_t half = attr(kRotaryDim) / 2;
  const Push push = {
      node.in[0],   node.in[1],     node.out[0], stride_of(call.in[0]), stride_of(call.in[1]), stride_of(call.out[0]),
      attr(kHeads), attr(kHeadDim), half,        attr(kInterleaved)};
  const uint32_t threads = recorder.tuning().row_threads;
  return recorder.dispatch(Shader::rope, {{threads}}, push, groups(attr(kHeads) * (attr(kHeadDim) - half), threads),
                           call.out[0].rows);
}

}  // namespace

const VulkanOp vulkan_op_rope = {.op = &op_rope, .refuses = never_refuses, .record = record};

}  // namespace runnel::vulkan
