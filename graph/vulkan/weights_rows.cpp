#include "graph/vulkan/ops/weights.h"

namespace runnel::vulkan {
namespace {

constexpr WeightShaders kTypes[] = {
    {DType::f32, Shader::linear_f32, Shader::embed_f32, 8},
    {DType::f16, Shader::linear_f16, Shader::embed_f16, 8},
    {DType::bf16, Shader::linear_bf16, Shader::embed_bf16, 8},
    {DType::q8g32, Shader::linear_q8g32, Shader::embed_q8g32, 32, Shader::linear_dot_q8g32},
    {DType::q4g32, Shader::linear_q4g32, Shader::embed_q4g32, 32, Shader::linear_dot_q4g32},
    {DType::q4ag32, Shader::linear_q4ag32, Shader::embed_q4ag32, 32, Shader::linear_dot_q4ag32},
    {DType::q5g32, Shader::linear_q5g32, Shader::embed_q5g32, 32, Shader::linear_dot_q5g32},
    {DType::q5ag32, Shader::linear_q5ag32, Shader::embed_q5ag32, 32, Shader::linear_dot_q5ag32},
    {DType::iq4g32, Shader::linear_iq4g32, Shader::embed_iq4g32, 32, Shader::linear_dot_iq4g32},
    {DType::q4ag32s256, Shader::linear_q4ag32s256, Shader::embed_q4ag32s256, 32, Shader::linear_dot_q4ag32s256},
    {DType::q5ag32s256, Shader::linear_q5ag32s256, Shader::embed_q5ag32s256, 32, Shader::linear_dot_q5ag32s256},
    {DType::q6g16s256, Shader::linear_q6g16s256, Shader::embed_q6g16s256, 32, Shader::linear_dot_q6g16s256},
    {DType::q3g16s256, Shader::linear_q3g16s256, Shader::embed_q3g16s256, 32, Shader::linear_dot_q3g16s256},
    {DType::q2ag16s256, Shader::linear_q2ag16s256, Shader::embed_q2ag16s256, 32, Shader::linear_dot_q2ag16s256},
    {DType::iq4g32s256, Shader::linear_iq4g32s256, Shader::embed_iq4g32s256, 32, Shader::linear_dot_iq4g32s256},
    {DType::mxfp4g32, Shader::linear_mxfp4g32, Shader::embed_mxfp4g32, 32},
    {DType::tq1g256, Shader::linear_tq1g256, Shader::embed_tq1g256, 32},
    {DType::tq2g256, Shader::linear_tq2g256, Shader::embed_tq2g256, 32},
};

// What shaders count a panel's bytes in.
uint32_t panel_unit(DType dtype) noexcept { return dtype_info(dtype).nr == 1 ? 1 : sizeof(uint32_t); }

}  // namespace

const WeightShaders* find_weight_shaders(DType dtype) noexcept {
  for (const WeightShaders& row : kTypes) {
    if (row.dtype == dtype) return &row;
  }
  return nullptr;
}

const char* refuses_weights(const TensorDesc& tensor) noexcept {
  if (find_weight_shaders(tensor.dtype) == nullptr) return "no shader reads weights of this type";
  PackedShape shape;
  if (!packed_shape(dtype_info(tensor.dtype), tensor.rows, tensor.cols, &shape))
    return "no shader reads weights of this layout";
  // Shaders count in 32 bits.
  if (shape.bytes / panel_unit(tensor.dtype) <= UINT32_MAX) return nullptr;
  return panel_unit(tensor.dtype) == 1 ? "the matrix is larger than 4 GiB" : "the matrix is larger than 16 GiB";
}

DevicePanels device_panels(const TensorDesc& tensor) noexcept {
  PackedShape shape = {};
  const DTypeInfo& type = dtype_info(tensor.dtype);
  (void)packed_shape(type, tensor.rows, tensor.cols, &shape);  // as refuses_weights() has found
  const uint32_t block = find_weight_shaders(tensor.dtype)->block;
  // Values of float types beyond the width are not there; those of groups are, as zeros.
  const uint32_t width = type.group == 1 ? tensor.cols : shape.blocks * type.group;
  return {static_cast<uint32_t>(shape.panel_bytes / panel_unit(tensor.dtype)), groups(width, block)};
}

}  // namespace runnel::vulkan
