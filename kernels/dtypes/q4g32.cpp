// q4g32 (GGUF Q4_0): 32 values of 4 bits, w = scale * (q - 8), 4.5 bits a weight. The scale may be negative: the level
// -8 has no counterpart, and the sign decides which side of zero has it.
#include "kernels/dtypes/panel.h"

namespace runnel {
namespace {

struct Block {
  Half scale;
  uint8_t quants[16];  // byte i: values i (low nibble) and 16 + i
};

void decode(const Block& block, float* out) noexcept {
  const float scale = block.scale.value();
  for (int i = 0; i < 16; ++i) {
    out[i] = scale * static_cast<float>((block.quants[i] & 15) - 8);
    out[16 + i] = scale * static_cast<float>((block.quants[i] >> 4) - 8);
  }
}

constexpr int kLanes = 8;  // partial sums in a fixed order that vectorises

float level(float x) noexcept { return round_even(x > 7 ? 7 : x < -8 ? -8 : x); }

float sum_lanes(const float* lanes) noexcept {
  return ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) + ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
}

// For the levels that x * inverse rounds to: the best scale is xq / qq and explains xq^2 / qq of the sum of squares.
struct Fit {
  float xq, qq;
};
Fit fit(const float* x, float inverse) noexcept {
  float xq[kLanes] = {}, qq[kLanes] = {};
  for (int i = 0; i < 32; i += kLanes) {
    for (int l = 0; l < kLanes; ++l) {
      const float q = level(x[i + l] * inverse);
      xq[l] += x[i + l] * q;
      qq[l] += q * q;
    }
  }
  return {sum_lanes(xq), sum_lanes(qq)};
}

float squared_error(const float* x, float scale) noexcept {
  const float inverse = scale != 0 ? 1.0f / scale : 0.0f;
  float error[kLanes] = {};
  for (int i = 0; i < 32; i += kLanes) {
    for (int l = 0; l < kLanes; ++l) {
      const float e = x[i + l] - scale * level(x[i + l] * inverse);
      error[l] += e * e;
    }
  }
  return sum_lanes(error);
}

// The value of largest magnitude, with its sign.
float extreme(const float* x) noexcept {
  float found = 0, largest = 0;
  for (int i = 0; i < 32; ++i) {
    const float magnitude = x[i] < 0 ? -x[i] : x[i];
    found = magnitude > largest ? x[i] : found;
    largest = magnitude > largest ? magnitude : largest;
  }
  return found;
}

// Which level the extreme may fall on. -8 is the plain rule.
constexpr float kTargets[] = {-8.0f, -7.4f, -6.8f, 7.0f, 6.5f, -8.8f};

// Tries those scales, each refined by least squares, and keeps the best; never worse than the plain rule.
void encode(const float* in, Block& block) noexcept {
  float x[32];
  for (int i = 0; i < 32; ++i) x[i] = finite_f32(in[i]);
  const float furthest = extreme(x);
  uint16_t scale_bits = finite_f16(furthest / -8.0f);
  // Squares must neither overflow nor vanish; outside this range the plain rule serves.
  const float magnitude = furthest < 0 ? -furthest : furthest;
  if (magnitude > 1e-12f && magnitude < 1e12f) {
    float best_scale = 0, best = 0;
    for (const float target : kTargets) {
      const Fit f = fit(x, target / furthest);
      if (f.qq > 0 && f.xq * f.xq > best * f.qq) {
        best = f.xq * f.xq / f.qq;
        best_scale = f.xq / f.qq;
      }
    }
    const uint16_t refined = finite_f16(best_scale);
    if (squared_error(x, f16_to_f32(refined)) < squared_error(x, f16_to_f32(scale_bits))) scale_bits = refined;
  }
  const float scale = f16_to_f32(scale_bits);
  const float inverse = scale != 0 ? 1.0f / scale : 0.0f;
  block.scale = Half::from_bits(scale_bits);
  uint8_t q[32];
  for (int i = 0; i < 32; ++i) q[i] = static_cast<uint8_t>(level(x[i] * inverse) + 8.0f);
  for (int i = 0; i < 16; ++i) block.quants[i] = static_cast<uint8_t>(q[i] | q[16 + i] << 4);
}

}  // namespace

constinit const DTypeInfo dtype_q4g32 =
    block_panel_type<Block, 32, 1, decode, encode>(DType::q4g32, "q4g32", 2, "q4_0");

}  // namespace runnel
