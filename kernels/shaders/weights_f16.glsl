// f16: for each k the values of 16 rows. Blocks of 8 values.
const uint kBlock = 8;

uint pair_low(uint i) { return 2 * i; }
uint pair_high(uint i) { return 2 * i + 1; }
vec4 load_scales(Words w, uint panel, uint block, uint lane) { return vec4(0); }
float value_at(Words w, uint panel, uint lane, uint k, uint cols) {
  if (k >= cols) return 0.0;
  const vec2 both = unpackHalf2x16(w.at[panel + k * 8 + (lane >> 1)]);
  return (lane & 1u) != 0 ? both.y : both.x;
}
#include "weights_values.glsl"
