// q6g16s256 (GGUF Q6_K): super-blocks of 256 values of 6 bits in groups of 16 with 8-bit scales,
// w = scale * s * (q - 32), 6.5625 bits a weight.
#include "kernels/dtypes/panel.h"

namespace runnel {
namespace {

struct Block {
  uint8_t low[128];   // per half of 128 values 64 bytes: byte l holds values l (low nibble) and 64 + l
  uint8_t high[64];   // per half of 128 values 32 bytes: byte l holds values l, 32 + l, 64 + l, 96 + l, low bits first
  int8_t groups[16];  // s
  Half scale;
};

constexpr PanelField kFields[] = {{offsetof(Block, scale), 2, 1},
                                  {offsetof(Block, groups), 4, 4},
                                  {offsetof(Block, high), 4, 16},
                                  {offsetof(Block, low), 4, 32}};

void decode(const Block& block, float* out) noexcept {
  const float scale = block.scale.value();
  for (int group = 0; group < 16; ++group) {
    const float s = scale * static_cast<float>(block.groups[group]);
    const uint8_t* low = block.low + group / 8 * 64 + group % 4 * 16;
    const uint8_t* high = block.high + group / 8 * 32 + group % 2 * 16;
    const int low_shift = group % 8 / 4 * 4, high_shift = group % 8 / 2 * 2;
    for (int i = 0; i < 16; ++i) {
      const int q = (low[i] >> low_shift & 15) | (high[i] >> high_shift & 3) << 4;
      out[16 * group + i] = s * static_cast<float>(q - 32);
    }
  }
}

}  // namespace

constinit const DTypeInfo dtype_q6g16s256 =
    block_panel_type<Block, 256, kFields, decode>(DType::q6g16s256, "q6g16s256", 14, "q6_k");

}  // namespace runnel
