#include "graph/vulkan/ops/rows.h"

namespace runnel::vulkan {
namespace {

Status record(const DeviceNode& node, Recorder& recorder) noexcept {
  return record_rows(Shader::binary, node, 0, 1, recorder);
}

}  // namespace

const VulkanOp vulkan_op_mul = {.op = &op_mul, .refuses = never_refuses, .record = record};

}  // namespace runnel::vulkan
