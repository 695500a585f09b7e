// q3g16s256 (GGUF Q3_K): super-blocks of 256 values of 3 bits in groups of 16 with 6-bit scales,
// w = scale * (s - 32) * (q - 4), 3.4375 bits a weight.
#include "kernels/dtypes/panel.h"

namespace runnel {
namespace {

struct Block {
  uint8_t high[32];    // byte e % 32, bit e / 32: the third bit of value e
  uint8_t quants[64];  // per half of 128 values 32 bytes: byte l holds values l, 32 + l, 64 + l, 96 + l, low bits first
  uint8_t groups[12];  // s: low nibbles of groups 0..7 and high nibbles of 8..15 in the first 8 bytes; their upper two
                       // bits in byte 8 + group % 4, at 2 * (group / 4)
  Half scale;
};

constexpr PanelField kFields[] = {{offsetof(Block, scale), 2, 1},
                                  {offsetof(Block, groups), 4, 3},
                                  {offsetof(Block, high), 4, 8},
                                  {offsetof(Block, quants), 4, 16}};

int group_scale(const Block& block, int group) noexcept {
  const int low = block.groups[group % 8] >> group / 8 * 4 & 15;
  const int high = block.groups[8 + group % 4] >> group / 4 * 2 & 3;
  return (low | high << 4) - 32;
}

void decode(const Block& block, float* out) noexcept {
  const float scale = block.scale.value();
  for (int group = 0; group < 16; ++group) {
    const float s = scale * static_cast<float>(group_scale(block, group));
    const uint8_t* quants = block.quants + group / 8 * 32 + group % 2 * 16;
    const uint8_t* high = block.high + group % 2 * 16;
    const int shift = group % 8 / 2 * 2;
    for (int i = 0; i < 16; ++i) {
      const int q = (quants[i] >> shift & 3) | (high[i] >> group / 2 & 1) << 2;
      out[16 * group + i] = s * static_cast<float>(q - 4);
    }
  }
}

}  // namespace

constinit const DTypeInfo dtype_q3g16s256 =
    block_panel_type<Block, 256, kFields, decode>(DType::q3g16s256, "q3g16s256", 11, "q3_k");

}  // namespace runnel
