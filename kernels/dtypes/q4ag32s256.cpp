// q4ag32s256 (GGUF Q4_K): super-blocks of 256 values of 4 bits in groups of 32 with 6-bit scales and minima,
// w = scale * s * q - minimum * m, 4.5 bits a weight.
#include "kernels/dtypes/k_groups.h"
#include "kernels/dtypes/panel.h"

namespace runnel {
namespace {

struct Block {
  Half scale;
  Half minimum;
  uint8_t groups[12];
  uint8_t quants[128];  // per 64 values 32 bytes: byte l holds values l (low nibble) and 32 + l
};

constexpr PanelField kFields[] = {{0, 2, 2}, {offsetof(Block, groups), 4, 3}, {offsetof(Block, quants), 4, 32}};

void decode(const Block& block, float* out) noexcept {
  const float scale = block.scale.value(), minimum = block.minimum.value();
  for (int group = 0; group < 8; ++group) {
    const float s = scale * static_cast<float>(k_group_scale(block.groups, group));
    const float m = minimum * static_cast<float>(k_group_minimum(block.groups, group));
    const uint8_t* quants = block.quants + group / 2 * 32;
    const int shift = group % 2 * 4;
    for (int i = 0; i < 32; ++i) out[32 * group + i] = s * static_cast<float>(quants[i] >> shift & 15) - m;
  }
}

}  // namespace

constinit const DTypeInfo dtype_q4ag32s256 =
    block_panel_type<Block, 256, kFields, decode>(DType::q4ag32s256, "q4ag32s256", 12, "q4_k");

}  // namespace runnel
