// bf16: the upper half of a single-precision float, 16 bits a weight.
#include "kernels/dtypes/panel.h"

namespace runnel {
namespace {

void dequantize(const void* blocks, float* out, size_t block_count) noexcept {
  const auto* value = static_cast<const Half*>(blocks);
  for (size_t i = 0; i < block_count; ++i) out[i] = bf16_to_f32(value[i].bits());
}

void quantize(const float* in, void* blocks, size_t block_count) noexcept {
  auto* out = static_cast<Half*>(blocks);
  constexpr float kLargest = 0x1.fep127f;
  for (size_t i = 0; i < block_count; ++i) {
    const float value = finite_f32(in[i]);
    out[i] = Half::from_bits(f32_to_bf16(value > kLargest ? kLargest : value < -kLargest ? -kLargest : value));
  }
}

}  // namespace

constinit const DTypeInfo dtype_bf16 = {.name = "bf16",
                                        .dtype = DType::bf16,
                                        .group = 1,
                                        .block_bytes = sizeof(uint16_t),
                                        .nr = kPanelRows,
                                        .kr = 1,
                                        .ggml_type = 30,
                                        .ggml_name = "bf16",
                                        .dequantize = dequantize,
                                        .quantize = quantize,
                                        .pack_panel = pack_value_panel<uint16_t>,
                                        .unpack_row = unpack_value_panel<uint16_t>};

}  // namespace runnel
