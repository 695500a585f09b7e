// q5g32 (GGUF Q5_0): 32 values of 5 bits, w = scale * (q - 16), 5.5 bits a weight.
#include "kernels/dtypes/panel.h"

namespace runnel {
namespace {

struct Block {
  Half scale;
  uint8_t high[4];  // bit i: the fifth bit of value i
  uint8_t low[16];  // byte i: values i (low nibble) and 16 + i
};

constexpr PanelField kFields[] = {{0, 2, 1}, {offsetof(Block, high), 4, 1, true}, {offsetof(Block, low), 4, 4}};

void decode(const Block& block, float* out) noexcept {
  const float scale = block.scale.value();
  for (int i = 0; i < 16; ++i) {
    const int first = (block.low[i] & 15) | ((block.high[i / 8] >> i % 8 & 1) << 4);
    const int second = (block.low[i] >> 4) | ((block.high[2 + i / 8] >> i % 8 & 1) << 4);
    out[i] = scale * static_cast<float>(first - 16);
    out[16 + i] = scale * static_cast<float>(second - 16);
  }
}

}  // namespace

constinit const DTypeInfo dtype_q5g32 = block_panel_type<Block, 32, kFields, decode>(DType::q5g32, "q5g32", 6, "q5_0");

}  // namespace runnel
