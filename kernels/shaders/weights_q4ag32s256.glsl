// q4ag32s256: a super-block column is 16 float16 scales, 16 minima, 3 vectors of 6-bit group scales and minima
// (kernels/dtypes/k_groups.h), 32 vectors of quants. A block here is a group of 32 values.
#include "nibbles.glsl"
const uint kBlock = 32;
const bool kHasGroups = true;
const uint kSuperWords = 576;

uint pair_low(uint i) { return 2 * i; }
uint pair_high(uint i) { return 2 * i + 1; }
uint group_byte(Words w, uint groups, uint index) { return w.at[groups + (index >> 2) * 16] >> ((index & 3u) << 3) & 255u; }
vec2 load_scales(Words w, uint panel, uint block, uint lane) {
  const uint at = panel + (block >> 3) * kSuperWords;
  const uint groups = at + 16 + lane, group = block & 7u;
  uint scale, minimum;
  if (group < 4) {
    scale = group_byte(w, groups, group) & 63u;
    minimum = group_byte(w, groups, group + 4) & 63u;
  } else {
    const uint low = group_byte(w, groups, group + 4);
    scale = (low & 15u) | group_byte(w, groups, group - 4) >> 6 << 4;
    minimum = low >> 4 | group_byte(w, groups, group) >> 6 << 4;
  }
  return vec2(half_at(w, at, lane) * float(scale), -half_at(w, at + 8, lane) * float(minimum));
}
void load_pair(Words w, uint panel, uint block, uint lane, uint i, vec2 scales, uint cols, out vec4 low, out vec4 high) {
  const uint group = block & 7u;
  const uint at = panel + (block >> 3) * kSuperWords + 64 + (group >> 1) * 128 + 32 * i + lane;
  const uint shift = (group & 1u) << 2;
  low = low_nibbles(w.at[at] >> shift) * scales.x + scales.y;
  high = low_nibbles(w.at[at + 16] >> shift) * scales.x + scales.y;
}
