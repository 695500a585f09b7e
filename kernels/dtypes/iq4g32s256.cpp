// iq4g32s256 (GGUF IQ4_XS): super-blocks of 256 indices into 16 uneven levels in groups of 32 with 6-bit scales,
// w = scale * (s - 32) * level[q], 4.25 bits a weight.
#include "kernels/dtypes/iq4_levels.h"
#include "kernels/dtypes/panel.h"

namespace runnel {
namespace {

struct Block {
  Half scale;
  uint8_t groups_high[2];  // upper two bits of s of group g at bit 2g
  uint8_t groups_low[4];   // low four bits of s of groups 2i (low nibble) and 2i + 1
  uint8_t quants[128];     // per group 16 bytes: byte i holds values i (low nibble) and 16 + i
};

constexpr PanelField kFields[] = {{0, 2, 1},
                                  {offsetof(Block, groups_high), 2, 1},
                                  {offsetof(Block, groups_low), 4, 1},
                                  {offsetof(Block, quants), 4, 32}};

void decode(const Block& block, float* out) noexcept {
  const float scale = block.scale.value();
  for (int group = 0; group < 8; ++group) {
    const int low = block.groups_low[group / 2] >> group % 2 * 4 & 15;
    const int high = block.groups_high[group / 4] >> group % 4 * 2 & 3;
    const float s = scale * static_cast<float>((low | high << 4) - 32);
    const uint8_t* quants = block.quants + 16 * group;
    for (int i = 0; i < 16; ++i) {
      out[32 * group + i] = s * static_cast<float>(kIq4Levels[quants[i] & 15]);
      out[32 * group + 16 + i] = s * static_cast<float>(kIq4Levels[quants[i] >> 4]);
    }
  }
}

}  // namespace

constinit const DTypeInfo dtype_iq4g32s256 =
    block_panel_type<Block, 256, kFields, decode>(DType::iq4g32s256, "iq4g32s256", 23, "iq4_xs");

}  // namespace runnel
