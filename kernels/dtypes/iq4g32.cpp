// iq4g32 (GGUF IQ4_NL): 32 indices into 16 uneven levels, w = scale * level[q], 4.5 bits a weight.
#include "kernels/dtypes/iq4_levels.h"
#include "kernels/dtypes/panel.h"

namespace runnel {
namespace {

struct Block {
  Half scale;
  uint8_t quants[16];  // byte i: values i (low nibble) and 16 + i
};

constexpr PanelField kFields[] = {{0, 2, 1}, {offsetof(Block, quants), 4, 4}};

void decode(const Block& block, float* out) noexcept {
  const float scale = block.scale.value();
  for (int i = 0; i < 16; ++i) {
    out[i] = scale * static_cast<float>(kIq4Levels[block.quants[i] & 15]);
    out[16 + i] = scale * static_cast<float>(kIq4Levels[block.quants[i] >> 4]);
  }
}

}  // namespace

constinit const DTypeInfo dtype_iq4g32 =
    block_panel_type<Block, 32, kFields, decode>(DType::iq4g32, "iq4g32", 20, "iq4_nl");

}  // namespace runnel
