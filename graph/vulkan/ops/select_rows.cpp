#include "graph/vulkan/ops/rows.h"

namespace runnel::vulkan {
namespace {

Status record(const DeviceNode& node, Recorder& recorder) noexcept {
  const CpuCall& call = *node.call;
  const RowsPush push = {node.in[0], recorder.step().output_rows, node.out[0],      stride_of(call.in[0]),
                         0,          stride_of(call.out[0]),      call.out[0].cols, 0};
  const uint32_t threads = recorder.tuning().row_threads;
  return recorder.dispatch(Shader::select_rows, {{threads}}, push, groups(call.out[0].cols, threads), call.out[0].rows);
}

}  // namespace

const VulkanOp vulkan_op_select_rows = {.op = &op_select_rows, .refuses = never_refuses, .record = record};

}  // namespace runnel::vulkan
