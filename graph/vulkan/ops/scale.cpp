#include "graph/vulkan/ops/rows.h"

namespace runnel::vulkan {
namespace {

Status record(const DeviceNode& node, Recorder& recorder) noexcept {
  return record_rows(Shader::scale, node, static_cast<float>(node.call->attrs[0]), 0, recorder);
}

}  // namespace

const VulkanOp vulkan_op_scale = {.op = &op_scale, .refuses = never_refuses, .record = record};

}  // namespace runnel::vulkan
