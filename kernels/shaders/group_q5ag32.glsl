// q5ag32: a group's column is 16 float16 scales, 16 minima, then 5 bits a weight.
#include "groups.glsl"
#include "five_bits.glsl"
#include "panel_rows.glsl"
const int kOffset = 0;
const bool kSigned = false;
const uint kMinima = kGroupMinima;
const uint kGroupWords = 96;

uint group_bytes(Words w, uint panel, uint group, uint lane, uint j) {
  return five_bits_at(w, panel + group * kGroupWords + 16, lane, j);
}
GroupScales group_scales(Words w, uint panel, uint group, uint lane) {
  const uint at = panel + group * kGroupWords;
  return GroupScales(half_at(w, at, lane), half_at(w, at + 8, lane), ivec2(1), ivec2(1));
}
