#include <algorithm>
#include <bit>

#include "graph/vulkan/dots.h"

namespace runnel::vulkan {
namespace {

struct Push {
  VkDeviceAddress x, w, bias, y;
  uint32_t x_stride, y_stride, rows, cols, tokens, panel_size, blocks, has_bias;
};

constexpr uint32_t kMostTokens = 8;  // of a thread

const char* refuses(const CpuCall& call, const KvLayout&) noexcept { return refuses_weights(*call.in[1].desc); }

Status record(const DeviceNode& node, Recorder& recorder) noexcept {
  if (node.dots) return record_dots(node, recorder);
  const CpuCall& call = *node.call;
  const TensorDesc& w = *call.in[1].desc;
  const WeightShaders& shaders = *find_weight_shaders(w.dtype);
  const DevicePanels panels = device_panels(w);
  const uint32_t tokens = call.out[0].rows;
  const bool has_bias = call.input_count > 2;
  const Push push = {node.in[0],
                     node.in[1],
                     has_bias ? node.in[2] : node.in[1],
                     node.out[0],
                     stride_of(call.in[0]),
                     stride_of(call.out[0]),
                     w.rows,
                     w.cols,
                     tokens,
                     panels.size,
                     panels.blocks,
                     has_bias};
  // Rows of x are read by four, aligned.
  const bool checked = w.cols != panels.blocks * shaders.block || node.in[0] % 16 != 0 || call.in[0].stride % 4 != 0;
  const uint32_t tile = std::min(std::bit_ceil(std::max(tokens, 1u)), kMostTokens);
  const Tuning& tuning = recorder.tuning();
  const bool few = tile < kMostTokens;
  const uint32_t rows = few ? tuning.vector_rows : tuning.matrix_rows;
  return recorder.dispatch(shaders.linear, {{rows, few ? tuning.vector_splits : 1, tile, checked}}, push,
                           groups(w.rows, rows), groups(tokens, tile));
}

}  // namespace

const VulkanOp vulkan_op_linear = {.op = &op_linear, .refuses = refuses, .record = record};

}  // namespace runnel::vulkan
