#include "graph/vulkan/ops/rows.h"

namespace runnel::vulkan {
namespace {

Status record(const DeviceNode& node, Recorder& recorder) noexcept {
  return record_rows(Shader::binary, node, 0, 0, recorder);
}

}  // namespace

const VulkanOp vulkan_op_add = {.op = &op_add, .refuses = never_refuses, .record = record};

}  // namespace runnel::vulkan
