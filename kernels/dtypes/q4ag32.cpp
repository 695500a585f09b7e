// q4ag32 (GGUF Q4_1): 32 values of 4 bits with an offset, w = scale * q + minimum, 5 bits a weight.
#include "kernels/dtypes/panel.h"
#include "kernels/dtypes/values32.h"

namespace runnel {
namespace {

struct Block {
  Half scale;
  Half minimum;
  uint8_t quants[16];  // byte i: values i (low nibble) and 16 + i
};

constexpr PanelField kFields[] = {{0, 2, 2}, {offsetof(Block, quants), 4, 4}};

void decode(const Block& block, float* out) noexcept {
  const float scale = block.scale.value(), minimum = block.minimum.value();
  for (int i = 0; i < 16; ++i) {
    out[i] = scale * static_cast<float>(block.quants[i] & 15) + minimum;
    out[16 + i] = scale * static_cast<float>(block.quants[i] >> 4) + minimum;
  }
}

Values32 levels_of(const Values32& x, float low, float inverse) noexcept {
  return round_levels(x, low, inverse, 0, 15);
}

// A line over the levels, as stored.
struct Line {
  uint16_t scale_bits, minimum_bits;

  float minimum() const noexcept { return f16_to_f32(minimum_bits); }
  float scale() const noexcept { return f16_to_f32(scale_bits); }
  float inverse() const noexcept { return scale() > 0 ? 1.0f / scale() : 0.0f; }
};

float squared_error(const Values32& x, const Line& line) noexcept {
  Values32 error = levels_of(x, line.minimum(), line.inverse());
  const Float4 scale = splat(line.scale()), minimum = splat(line.minimum());
  for (int i = 0; i < Values32::kVectors; ++i) error.v[i] = x.v[i] - (scale * error.v[i] + minimum);
  return dot(error, error);
}

// The least-squares line through (q, x) where q are the levels of x from `low` by 1 / inverse; false when q is
// constant.
bool fit_line(const Values32& x, float low, float inverse, Line* line) noexcept {
  const Values32 levels = levels_of(x, low, inverse);
  const float q = sum(levels), qq = dot(levels, levels), total = sum(x), xq = dot(x, levels);
  const float spread = 32 * qq - q * q;
  const float scale = (32 * xq - q * total) / spread;
  if (!(spread > 0 && scale > 0)) return false;
  *line = {finite_f16(scale), finite_f16((total - scale * q) / 32)};
  return true;
}

// Levels cut off at each end before the fit; 0 keeps the whole range.
constexpr float kCuts[] = {0.0f, 0.5f, 1.0f};

// From the smallest to the largest value; then narrower ranges, refined by least squares. The best of them stays.
void encode(const float* in, Block& block) noexcept {
  const Values32 x = load_finite(in);
  const float low = smallest(x), high = largest(x);
  const float step = high / 15 - low / 15;  // divided first: the difference may overflow
  Line best = {finite_f16(step), finite_f16(low)};
  // Squares must neither overflow nor vanish; outside this range the plain rule serves.
  if (step > 1e-12f && low > -1e12f && high < 1e12f) {
    float best_error = squared_error(x, best);
    for (const float cut : kCuts) {
      Line line;
      if (!fit_line(x, low + cut * step, 15 / ((15 - 2 * cut) * step), &line)) continue;
      const float error = squared_error(x, line);
      if (error < best_error) {
        best = line;
        best_error = error;
      }
    }
  }
  block.scale = Half::from_bits(best.scale_bits);
  block.minimum = Half::from_bits(best.minimum_bits);
  store_nibbles(levels_of(x, best.minimum(), best.inverse()), block.quants);
}

}  // namespace

constinit const DTypeInfo dtype_q4ag32 =
    block_panel_type<Block, 32, kFields, decode, encode>(DType::q4ag32, "q4ag32", 3, "q4_1");

}  // namespace runnel
