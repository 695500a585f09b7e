#include "graph/vulkan/ops/rows.h"

namespace runnel::vulkan {
namespace {

Status record(const DeviceNode& node, Recorder& recorder) noexcept {
  return record_rows(Shader::activation, node, 0, static_cast<uint32_t>(node.call->attrs[0]), recorder);
}

}  // namespace

const VulkanOp vulkan_op_activation = {.op = &op_activation, .refuses = never_refuses, .record = record};

}  // namespace runnel::vulkan
