// q5ag32s256 (GGUF Q5_K): super-blocks of 256 values of 5 bits in groups of 32 with 6-bit scales and minima,
// w = scale * s * q - minimum * m, 5.5 bits a weight.
#include "kernels/dtypes/k_groups.h"
#include "kernels/dtypes/panel.h"

namespace runnel {
namespace {

struct Block {
  Half scale;
  Half minimum;
  uint8_t groups[12];
  uint8_t high[32];  // byte e % 32, bit e / 32: the fifth bit of value e
  uint8_t low[128];  // per 64 values 32 bytes: byte l holds values l (low nibble) and 32 + l
};

constexpr PanelField kFields[] = {
    {0, 2, 2}, {offsetof(Block, groups), 4, 3}, {offsetof(Block, high), 4, 8}, {offsetof(Block, low), 4, 32}};

void decode(const Block& block, float* out) noexcept {
  const float scale = block.scale.value(), minimum = block.minimum.value();
  for (int group = 0; group < 8; ++group) {
    const float s = scale * static_cast<float>(k_group_scale(block.groups, group));
    const float m = minimum * static_cast<float>(k_group_minimum(block.groups, group));
    const uint8_t* low = block.low + group / 2 * 32;
    const int shift = group % 2 * 4;
    for (int i = 0; i < 32; ++i) {
      const int q = (low[i] >> shift & 15) | (block.high[i] >> group & 1) << 4;
      out[32 * group + i] = s * static_cast<float>(q) - m;
    }
  }
}

}  // namespace

constinit const DTypeInfo dtype_q5ag32s256 =
    block_panel_type<Block, 256, kFields, decode>(DType::q5ag32s256, "q5ag32s256", 13, "q5_k");

}  // namespace runnel
