// tq2g256 (GGUF TQ2_0): 256 values of 2 bits, w = scale * (q - 1), 2.0625 bits a weight.
#include "kernels/dtypes/block.h"

namespace runnel {
namespace {

struct Block {
  uint8_t quants[64];  // per half of 128 values 32 bytes: byte l holds values l, 32 + l, 64 + l, 96 + l, low bits first
  Half scale;
};

void decode(const Block& block, float* out) noexcept {
  const float scale = block.scale.value();
  for (int run = 0; run < 8; ++run) {
    const uint8_t* quants = block.quants + run / 4 * 32;
    const int shift = run % 4 * 2;
    for (int i = 0; i < 32; ++i) out[32 * run + i] = scale * static_cast<float>((quants[i] >> shift & 3) - 1);
  }
}

}  // namespace

constinit const DTypeInfo dtype_tq2g256 = row_form_type<Block, 256, decode>(DType::tq2g256, "tq2g256", 35, "tq2_0");

}  // namespace runnel
