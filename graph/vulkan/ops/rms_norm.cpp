#include "graph/vulkan/ops/norm.h"

namespace runnel::vulkan {
namespace {

enum : uint32_t { kEps, kHeads };

Status record(const DeviceNode& node, Recorder& recorder) noexcept {
  const CpuCall& call = *node.call;
  const auto heads = static_cast<uint32_t>(call.attrs[kHeads]);
  const NormPush push = {node.in[0],
                         node.in[1],
                         node.in[1],
                         node.out[0],
                         stride_of(call.in[0]),
                         stride_of(call.out[0]),
                         call.in[0].cols / heads,
                         static_cast<float>(call.attrs[kEps]),
                         0};
  return recorder.dispatch(Shader::rms_norm, {{recorder.tuning().norm_threads}}, push, heads, call.out[0].rows);
}

}  // namespace

const VulkanOp vulkan_op_rms_norm = {.op = &op_rms_norm, .refuses = never_refuses, .record = record};

}  // namespace runnel::vulkan
