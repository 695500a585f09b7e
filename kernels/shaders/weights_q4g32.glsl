// q4g32: a block column is 16 float16 scales, then 4 vectors of 16 words; low nibbles are k 4j .. 4j+3, high ones 16
// more.
#include "nibbles.glsl"
const uint kBlock = 32;
const bool kHasGroups = true;
const uint kBlockWords = 72;

uint pair_low(uint i) { return i; }
uint pair_high(uint i) { return i + 4; }
vec2 load_scales(Words w, uint panel, uint block, uint lane) {
  const float scale = half_at(w, panel + block * kBlockWords, lane);
  return vec2(scale, -8.0 * scale);
}
void load_pair(Words w, uint panel, uint block, uint lane, uint i, vec2 scales, uint cols, out vec4 low, out vec4 high) {
  const uint word = w.at[panel + block * kBlockWords + 8 + 16 * i + lane];
  low = low_nibbles(word) * scales.x + scales.y;
  high = high_nibbles(word) * scales.x + scales.y;
}
