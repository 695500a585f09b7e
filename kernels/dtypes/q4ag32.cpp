// q4ag32 (GGUF Q4_1): 32 values of 4 bits with an offset, w = scale * q + minimum, 5 bits a weight.
#include "kernels/dtypes/panel.h"

namespace runnel {
namespace {

struct Block {
  Half scale;
  Half minimum;
  uint8_t quants[16];  // byte i: values i (low nibble) and 16 + i
};

void decode(const Block& block, float* out) noexcept {
  const float scale = block.scale.value(), minimum = block.minimum.value();
  for (int i = 0; i < 16; ++i) {
    out[i] = scale * static_cast<float>(block.quants[i] & 15) + minimum;
    out[16 + i] = scale * static_cast<float>(block.quants[i] >> 4) + minimum;
  }
}

float level(float x) noexcept { return round_even(x > 15 ? 15 : x < 0 ? 0 : x); }

struct Line {
  uint16_t scale_bits, minimum_bits;
  float scale() const noexcept { return f16_to_f32(scale_bits); }
  float minimum() const noexcept { return f16_to_f32(minimum_bits); }
  float inverse() const noexcept { return scale() > 0 ? 1.0f / scale() : 0.0f; }
};

float squared_error(const float* x, const Line& line) noexcept {
  const float scale = line.scale(), minimum = line.minimum(), inverse = line.inverse();
  float error = 0;
  for (int i = 0; i < 32; ++i) {
    const float e = x[i] - (scale * level((x[i] - minimum) * inverse) + minimum);
    error += e * e;
  }
  return error;
}

// The least-squares line through (q, x) where q are the levels of x on the given one; false when q is constant.
bool refine(const float* x, float low, float inverse, Line* line) noexcept {
  float q_sum = 0, qq = 0, x_sum = 0, xq = 0;
  for (int i = 0; i < 32; ++i) {
    const float q = level((x[i] - low) * inverse);
    q_sum += q;
    qq += q * q;
    x_sum += x[i];
    xq += x[i] * q;
  }
  const float spread = 32 * qq - q_sum * q_sum;
  if (!(spread > 0)) return false;
  const float scale = (32 * xq - q_sum * x_sum) / spread;
  if (!(scale > 0)) return false;
  *line = {finite_f16(scale), finite_f16((x_sum - scale * q_sum) / 32)};
  return true;
}

// Plain minimum and maximum, then narrower ranges refined by least squares; the best of them stays.
void encode(const float* in, Block& block) noexcept {
  float x[32];
  for (int i = 0; i < 32; ++i) x[i] = finite_f32(in[i]);
  float low = x[0], high = x[0];
  for (int i = 1; i < 32; ++i) {
    low = x[i] < low ? x[i] : low;
    high = x[i] > high ? x[i] : high;
  }
  const float range = high / 15 - low / 15;  // divided first: the difference may overflow
  Line best = {finite_f16(range), finite_f16(low)};
  // Squares must neither overflow nor vanish; outside this range the plain rule serves.
  if (range > 1e-12f && range < 1e12f && low > -1e12f && low < 1e12f) {
    float best_error = squared_error(x, best);
    for (const float cut : {0.0f, 0.5f, 1.0f}) {  // levels cut off at either end
      Line line;
      if (!refine(x, low + cut * range, (15 - 2 * cut) > 0 ? 15 / ((15 - 2 * cut) * range) : 0.0f, &line)) continue;
      const float error = squared_error(x, line);
      if (error < best_error) {
        best = line;
        best_error = error;
      }
    }
  }
  block.scale = Half::from_bits(best.scale_bits);
  block.minimum = Half::from_bits(best.minimum_bits);
  uint8_t q[32];
  for (int i = 0; i < 32; ++i) q[i] = static_cast<uint8_t>(level((x[i] - best.minimum()) * best.inverse()));
  for (int i = 0; i < 16; ++i) block.quants[i] = static_cast<uint8_t>(q[i] | q[16 + i] << 4);
}

}  // namespace

constinit const DTypeInfo dtype_q4ag32 =
    block_panel_type<Block, 32, 2, decode, encode>(DType::q4ag32, "q4ag32", 3, "q4_1");

}  // namespace runnel
