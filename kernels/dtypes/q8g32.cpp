// q8g32 (GGUF Q8_0): 32 values of 8 bits, w = scale * q, 8.5 bits a weight.
#include "kernels/dtypes/panel.h"
#include "kernels/dtypes/values32.h"

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
  const Values32 x = load_finite(in);
  const float low = smallest(x), high = largest(x);
  const uint16_t scale_bits = finite_f16((high > -low ? high : -low) / 127.0f);
  const float scale = f16_to_f32(scale_bits);
  block.scale = Half::from_bits(scale_bits);
  store_bytes(round_levels(x, 0, scale > 0 ? 1.0f / scale : 0.0f, -127, 127), block.quants);
}

}  // namespace

constinit const DTypeInfo dtype_q8g32 =
    block_panel_type<Block, 32, 1, decode, encode>(DType::q8g32, "q8g32", 8, "q8_0");

}  // namespace runnel
