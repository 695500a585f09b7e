// q4ag32: a group's column is 16 float16 scales, 16 minima, then 4 vectors of nibbles.
#include "groups.glsl"
#include "nibbles.glsl"
#include "panel_rows.glsl"
const int kOffset = 0;
const bool kSigned = false;
const uint kMinima = kGroupMinima;
const uint kGroupWords = 80;

uint group_bytes(Words w, uint panel, uint group, uint lane, uint j) {
  return nibbles_at(w, panel + group * kGroupWords + 16, lane, j);
}
GroupScales group_scales(Words w, uint panel, uint group, uint lane) {
  const uint at = panel + group * kGroupWords;
  return GroupScales(half_at(w, at, lane), half_at(w, at + 8, lane), ivec2(1), ivec2(1));
}
