// q4ag32: as q4g32 with 16 float16 minima behind the scales.
#include "nibbles.glsl"
const uint kBlock = 32;
const bool kHasGroups = true;
const uint kBlockWords = 80;

uint pair_low(uint i) { return i; }
uint pair_high(uint i) { return i + 4; }
vec2 load_scales(Words w, uint panel, uint block, uint lane) {
  const uint at = panel + block * kBlockWords;
  return vec2(half_at(w, at, lane), half_at(w, at + 8, lane));
}
void load_pair(Words w, uint panel, uint block, uint lane, uint i, vec2 scales, uint cols, out vec4 low, out vec4 high) {
  const uint word = w.at[panel + block * kBlockWords + 16 + 16 * i + lane];
  low = low_nibbles(word) * scales.x + scales.y;
  high = high_nibbles(word) * scales.x + scales.y;
}
