// q8g32: a group's column is 16 float16 scales, then 8 vectors of 16 words, each word 4 bytes of a row.
#include "groups.glsl"
#include "panel_rows.glsl"
const int kOffset = 0;
const bool kSigned = true;
const uint kMinima = kNoMinima;
const uint kGroupWords = 136;

uint group_bytes(Words w, uint panel, uint group, uint lane, uint j) {
  return w.at[panel + group * kGroupWords + 8 + 16 * j + lane];
}
GroupScales group_scales(Words w, uint panel, uint group, uint lane) {
  return one_scale(half_at(w, panel + group * kGroupWords, lane));
}
