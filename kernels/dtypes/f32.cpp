// f32: IEEE 754 single precision, 32 bits a weight.
#include "kernels/dtypes/panel.h"

namespace runnel {
namespace {

void dequantize(const void* blocks, float* out, size_t block_count) noexcept {
  std::memcpy(out, blocks, block_count * sizeof(float));
}

void quantize(const float* in, void* blocks, size_t block_count) noexcept {
  auto* out = static_cast<uint8_t*>(blocks);
  for (size_t i = 0; i < block_count; ++i) {
    const float value = finite_f32(in[i]);
    std::memcpy(out + 4 * i, &value, 4);
  }
}

}  // namespace

constinit const DTypeInfo dtype_f32 = {.name = "f32",
                                       .dtype = DType::f32,
                                       .group = 1,
                                       .block_bytes = sizeof(uint32_t),
                                       .nr = kPanelRows,
                                       .kr = 1,
                                       .ggml_type = 0,
                                       .ggml_name = "f32",
                                       .dequantize = dequantize,
                                       .quantize = quantize,
                                       .pack_panel = pack_value_panel<uint32_t>,
                                       .unpack_row = unpack_value_panel<uint32_t>};

}  // namespace runnel
