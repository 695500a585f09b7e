#include "graph/vulkan/ops/rows.h"

namespace runnel::vulkan {
namespace {

Status record(const DeviceNode& node, Recorder& recorder) noexcept {
  return record_rows(Shader::soft_cap, node, static_cast<float>(node.call->attrs[0]), 0, recorder);
}

}  // namespace

const VulkanOp vulkan_op_soft_cap = {.op = &op_soft_cap, .refuses = never_refuses, .record = record};

}  // namespace runnel::vulkan
