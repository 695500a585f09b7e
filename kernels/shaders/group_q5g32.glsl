// q5g32: a group's column is 16 float16 scales, then 5 bits a weight, 16 too large.
#include "groups.glsl"
#include "five_bits.glsl"
#include "panel_rows.glsl"
const int kOffset = 16;
const bool kSigned = false;
const uint kMinima = kNoMinima;
const uint kGroupWords = 88;

uint group_bytes(Words w, uint panel, uint group, uint lane, uint j) {
  return five_bits_at(w, panel + group * kGroupWords + 8, lane, j);
}
GroupScales group_scales(Words w, uint panel, uint group, uint lane) {
  return one_scale(half_at(w, panel + group * kGroupWords, lane));
}
