// f32: for each k the values of 16 rows. Blocks of 8 values.
const uint kBlock = 8;

uint pair_low(uint i) { return 2 * i; }
uint pair_high(uint i) { return 2 * i + 1; }
vec4 load_scales(Words w, uint panel, uint block, uint lane) { return vec4(0); }
float value_at(Words w, uint panel, uint lane, uint k, uint cols) {
  return k < cols ? uintBitsToFloat(w.at[panel + k * 16 + lane]) : 0.0;
}
#include "weights_values.glsl"
