// q2ag16s256 (GGUF Q2_K): super-blocks of 256 values of 2 bits in groups of 16 with 4-bit scales and minima,
// w = scale * s * q - minimum * m, 2.625 bits a weight.
#include "kernels/dtypes/panel.h"

namespace runnel {
namespace {

struct Block {
  uint8_t groups[16];  // s (low nibble) and m of each group
  uint8_t quants[64];  // per half of 128 values 32 bytes: byte l holds values l, 32 + l, 64 + l, 96 + l, low bits first
  Half scale;
  Half minimum;
};

constexpr PanelField kFields[] = {
    {offsetof(Block, scale), 2, 2}, {offsetof(Block, groups), 4, 4}, {offsetof(Block, quants), 4, 16}};

void decode(const Block& block, float* out) noexcept {
  const float scale = block.scale.value(), minimum = block.minimum.value();
  for (int group = 0; group < 16; ++group) {
    const float s = scale * static_cast<float>(block.groups[group] & 15);
    const float m = minimum * static_cast<float>(block.groups[group] >> 4);
    const uint8_t* quants = block.quants + group / 8 * 32 + group % 2 * 16;
    const int shift = group % 8 / 2 * 2;
    for (int i = 0; i < 16; ++i) out[16 * group + i] = s * static_cast<float>(quants[i] >> shift & 3) - m;
  }
}

}  // namespace

constinit const DTypeInfo dtype_q2ag16s256 =
    block_panel_type<Block, 256, kFields, decode>(DType::q2ag16s256, "q2ag16s256", 10, "q2_k");

}  // namespace runnel
