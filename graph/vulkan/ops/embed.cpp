#include "graph/vulkan/ops/weights.h"

namespace runnel::vulkan {
namespace {

struct Push {
  VkDeviceAddress table, ids, y;
  uint32_t y_stride, cols, panel_size, blocks;
};

const char* refuses(const CpuCall& call, const KvLayout&) noexcept { return refuses_weights(*call.in[0].desc); }

Status record(const DeviceNode& node, Recorder& recorder) noexcept {
  const CpuCall& call = *node.call;
  const TensorDesc& table = *call.in[0].desc;
  const DevicePanels panels = device_panels(table);
  const Push push = {node.in[0],       recorder.step().ids, node.out[0],  stride_of(call.out[0]),
                     call.out[0].cols, panels.size,         panels.blocks};
  const uint32_t threads = recorder.tuning().row_threads;
  return recorder.dispatch(find_weight_shaders(table.dtype)->embed, {{threads}}, push, groups(panels.blocks, threads),
                           call.out[0].rows);
}

}  // namespace

const VulkanOp vulkan_op_embed = {.op = &op_embed, .refuses = refuses, .record = record};

}  // namespace runnel::vulkan
