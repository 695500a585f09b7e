// iq4g32: a group's column is 16 float16 scales, then 4 vectors of nibbles, indices of levels.
#include "groups.glsl"
#include "iq4_levels.glsl"
#include "nibbles.glsl"
#include "panel_rows.glsl"
const int kOffset = 0;
const bool kSigned = true;
const uint kMinima = kNoMinima;
const uint kGroupWords = 72;

uint group_bytes(Words w, uint panel, uint group, uint lane, uint j) {
  return levels_at(kIq4Levels, nibbles_at(w, panel + group * kGroupWords + 8, lane, j));
}
GroupScales group_scales(Words w, uint panel, uint group, uint lane) {
  return one_scale(half_at(w, panel + group * kGroupWords, lane));
}
