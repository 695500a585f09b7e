// q4g32 (GGUF Q4_0): 32 values of 4 bits, w = scale * (q - 8), 4.5 bits a weight. The scale may be negative: the level
// -8 has no counterpart, and the sign decides which side of zero has it.
#include "kernels/dtypes/panel.h"
#include "kernels/dtypes/values32.h"

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
    out[i] = scale * static_cast<float>((block.quants[i] & 15) - 8);
    out[16 + i] = scale * static_cast<float>((block.quants[i] >> 4) - 8);
  }
}

Values32 levels_of(const Values32& x, float inverse) noexcept { return round_levels(x, 0, inverse, -8, 7); }

// Where the extreme may fall on the scale of levels: -8 is the plain rule; beyond it the extreme is clipped and the
// rest gets finer steps. Of a fine grid over both signs these five reach 99% of the gain on normal and on heavy-tailed
// values: relative RMS error 0.0810 against 0.0858 of the plain rule on normal ones.
constexpr float kTargets[] = {-8.0f, -8.6f, -7.2f, -8.3f, -7.6f};

// For the levels q of a target the best scale is xq / qq, and it explains xq^2 / qq of the sum of squares: the largest
// wins. The plain rule is among them, so that no block is worse than by it.
float best_scale(const Values32& x, float furthest) noexcept {
  float scale = furthest / -8.0f, explained = 0;
  for (const float target : kTargets) {
    const Values32 levels = levels_of(x, target / furthest);
    const float xq = dot(x, levels), qq = dot(levels, levels);
    if (xq * xq <= explained * qq) continue;
    explained = xq * xq / qq;
    scale = xq / qq;
  }
  return scale;
}

void encode(const float* in, Block& block) noexcept {
  const Values32 x = load_finite(in);
  const float low = smallest(x), high = largest(x);
  const float furthest = high >= -low ? high : low;
  const float magnitude = furthest < 0 ? -furthest : furthest;
  // Squares must neither overflow nor vanish; outside this range the plain rule serves.
  const bool fits = magnitude > 1e-12f && magnitude < 1e12f;
  const uint16_t scale_bits = finite_f16(fits ? best_scale(x, furthest) : furthest / -8.0f);
  const float scale = f16_to_f32(scale_bits);
  block.scale = Half::from_bits(scale_bits);
  Values32 levels = levels_of(x, scale != 0 ? 1.0f / scale : 0.0f);
  for (Float4& v : levels.v) v += splat(8);
  store_nibbles(levels, block.quants);
}

}  // namespace

constinit const DTypeInfo dtype_q4g32 =
    block_panel_type<Block, 32, kFields, decode, encode>(DType::q4g32, "q4g32", 2, "q4_0");

}  // namespace runnel
