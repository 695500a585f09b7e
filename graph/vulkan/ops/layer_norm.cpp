#include "graph/vulkan/ops/norm.h"

namespace runnel::vulkan {
namespace {

Status record(const DeviceNode& node, Recorder& recorder) noexcept {
  const CpuCall& call = *node.call;
  const bool has_bias = call.input_count > 2;
  const NormPush push = {node.in[0],
                         node.in[1],
                         has_bias ? node.in[2] : node.in[1],
                         node.out[0],
                         stride_of(call.in[0]),
                         stride_of(call.out[0]),
                         call.in[0].cols,
                         static_cast<float>(call.attrs[0]),
                         has_bias};
  return recorder.dispatch(Shader::layer_norm, {{recorder.tuning().norm_threads}}, push, 1, call.out[0].rows);
}

}  // namespace

const VulkanOp vulkan_op_layer_norm = {.op = &op_layer_norm, .refuses = never_refuses, .record = record};

}  // namespace runnel::vulkan
