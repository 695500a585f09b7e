// f16: IEEE 754 half precision, 16 bits a weight.
#include "kernels/dtypes/panel.h"

namespace runnel {
namespace {

void dequantize(const void* blocks, float* out, size_t block_count) noexcept {
  const auto* half = static_cast<const Half*>(blocks);
  for (size_t i = 0; i < block_count; ++i) out[i] = half[i].value();
}

void quantize(const float* in, void* blocks, size_t block_count) noexcept {
  auto* half = static_cast<Half*>(blocks);
  for (size_t i = 0; i < block_count; ++i) half[i] = Half::from_bits(finite_f16(finite_f32(in[i])));
}

}  // namespace

constinit const DTypeInfo dtype_f16 = {.name = "f16",
                                       .dtype = DType::f16,
                                       .group = 1,
                                       .block_bytes = sizeof(uint16_t),
                                       .nr = kPanelRows,
                                       .kr = 1,
                                       .ggml_type = 1,
                                       .ggml_name = "f16",
                                       .dequantize = dequantize,
                                       .quantize = quantize,
                                       .pack_panel = pack_value_panel<uint16_t>,
                                       .unpack_row = unpack_value_panel<uint16_t>};

}  // namespace runnel
