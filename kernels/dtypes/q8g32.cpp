// q8g32 (GGUF Q8_0): 32 values of 8 bits, w = scale * q, 8.5 bits a weight.
#include "kernels/dtypes/panel.h"

namespace runnel {
namespace {

struct Block {
  Half scale;
  int8_t quants[32];
};

void decode(const Block& block, float* out) noexcept {
  const float scale = block.scale.value();
  for (int i = 0; i < 32; ++i) out[i] = scale * static_cast<float>(block.quants[i]);
}

// The largest magnitude becomes 127. Values are divided by the scale as stored, so its rounding costs nothing.
void encode(const float* in, Block& block) noexcept {
  float x[32], largest = 0;
  for (int i = 0; i < 32; ++i) x[i] = finite_f32(in[i]);
  for (int i = 0; i < 32; ++i) {
    const float magnitude = x[i] < 0 ? -x[i] : x[i];
    largest = magnitude > largest ? magnitude : largest;
  }
  const uint16_t scale_bits = finite_f16(largest / 127.0f);
  const float scale = f16_to_f32(scale_bits);
  const float inverse = scale > 0 ? 1.0f / scale : 0.0f;
  block.scale = Half::from_bits(scale_bits);
  for (int i = 0; i < 32; ++i) {
    const float q = x[i] * inverse;
    block.quants[i] = static_cast<int8_t>(round_even(q > 127 ? 127 : q < -127 ? -127 : q));
  }
}

}  // namespace

constinit const DTypeInfo dtype_q8g32 =
    block_panel_type<Block, 32, 1, decode, encode>(DType::q8g32, "q8g32", 8, "q8_0");

}  // namespace runnel
