// q4g32: a group's column is 16 float16 scales, then 4 vectors of nibbles, 8 too large.
#include "groups.glsl"
#include "nibbles.glsl"
#include "panel_rows.glsl"
const int kOffset = 8;
const bool kSigned = false;
const uint kMinima = kNoMinima;
const uint kGroupWords = 72;

uint group_bytes(Words w, uint panel, uint group, uint lane, uint j) {
  return nibbles_at(w, panel + group * kGroupWords + 8, lane, j);
}
GroupScales group_scales(Words w, uint panel, uint group, uint lane) {
  return one_scale(half_at(w, panel + group * kGroupWords, lane));
}
