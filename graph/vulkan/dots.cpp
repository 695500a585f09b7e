#include "graph/vulkan/dots.h"

#include <algorithm>
#include <bit>

namespace runnel::vulkan {
namespace {

constexpr uint32_t kActivationBits = 0;  // attribute of linear
constexpr uint32_t kMostTokens = 8;      // of a thread

struct QuantizePush {
  VkDeviceAddress x, q;
  uint32_t x_stride, cols, groups;
};

struct DotPush {
  VkDeviceAddress x, w, bias, y;
  uint32_t y_stride, rows, tokens, panel_size, blocks, has_bias;
};

}  // namespace

bool wants_dots(const CpuCall& call, Activations activations) noexcept {
  if (call.op != &op_linear) return false;
  const WeightShaders* shaders = find_weight_shaders(call.in[1].desc->dtype);
  if (shaders == nullptr || shaders->dots == Shader::count) return false;
  return activations == Activations::q8 || (activations == Activations::automatic && call.attrs[kActivationBits] <= 8);
}

bool takes_dots(const DeviceInfo& device, Activations activations) noexcept {
  return device.integer_dot && (device.integer_dot_fast || activations == Activations::q8);
}

uint64_t quant_bytes(const CpuCall& call, uint32_t tokens) noexcept {
  const uint64_t row_words = (uint64_t{device_panels(*call.in[1].desc).blocks} * 10 + 3) & ~uint64_t{3};
  return row_words * sizeof(uint32_t) * tokens;
}

Status record_dots(const DeviceNode& node, Recorder& recorder) noexcept {
  const CpuCall& call = *node.call;
  const TensorDesc& w = *call.in[1].desc;
  const DevicePanels panels = device_panels(w);
  const Tuning& tuning = recorder.tuning();
  const uint32_t tokens = call.out[0].rows;
  const VkDeviceAddress quants = recorder.step().quants;
  const QuantizePush quantize = {node.in[0], quants, stride_of(call.in[0]), call.in[0].cols, panels.blocks};
  RUNNEL_TRY(recorder.dispatch(Shader::quantize_q8g32, {{tuning.row_threads}}, quantize,
                               groups(panels.blocks, tuning.row_threads), tokens, 1, Load::little));
  const bool has_bias = call.input_count > 2;
  const DotPush push = {quants,
                        node.in[1],
                        has_bias ? node.in[2] : node.in[1],
                        node.out[0],
                        stride_of(call.out[0]),
                        w.rows,
                        tokens,
                        panels.size,
                        panels.blocks,
                        has_bias};
  const uint32_t tile = std::min(std::bit_ceil(std::max(tokens, 1u)), kMostTokens);
  const bool few = tile < kMostTokens;
  const uint32_t rows = few ? tuning.vector_rows : tuning.matrix_rows;
  return recorder.dispatch(find_weight_shaders(w.dtype)->dots, {{rows, few ? tuning.vector_splits : 1, tile}}, push,
                           groups(w.rows, rows), groups(tokens, tile));
}

}  // namespace runnel::vulkan
