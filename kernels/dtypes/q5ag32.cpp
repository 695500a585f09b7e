// q5ag32 (GGUF Q5_1): 32 values of 5 bits with an offset, w = scale * q + minimum, 6 bits a weight.
#include "kernels/dtypes/panel.h"

namespace runnel {
namespace {

struct Block {
  Half scale;
  Half minimum;
  uint8_t high[4];  // bit i: the fifth bit of value i
  uint8_t low[16];  // byte i: values i (low nibble) and 16 + i
};

constexpr PanelField kFields[] = {{0, 2, 2}, {offsetof(Block, high), 4, 1, true}, {offsetof(Block, low), 4, 4}};

void decode(const Block& block, float* out) noexcept {
  const float scale = block.scale.value(), minimum = block.minimum.value();
  for (int i = 0; i < 16; ++i) {
    const int first = (block.low[i] & 15) | ((block.high[i / 8] >> i % 8 & 1) << 4);
    const int second = (block.low[i] >> 4) | ((block.high[2 + i / 8] >> i % 8 & 1) << 4);
    out[i] = scale * static_cast<float>(first) + minimum;
    out[16 + i] = scale * static_cast<float>(second) + minimum;
  }
}

}  // namespace

constinit const DTypeInfo dtype_q5ag32 =
    block_panel_type<Block, 32, kFields, decode>(DType::q5ag32, "q5ag32", 7, "q5_1");

}  // namespace runnel
