#include "graph/vulkan/ops/rows.h"

namespace runnel::vulkan {
namespace {

Status record(const DeviceNode& node, Recorder& recorder) noexcept {
  return record_rows(Shader::gated, node, 0, static_cast<uint32_t>(node.call->attrs[0]), recorder);
}

}  // namespace

const VulkanOp vulkan_op_gated = {.op = &op_gated, .refuses = never_refuses, .record = record};

}  // namespace runnel::vulkan
