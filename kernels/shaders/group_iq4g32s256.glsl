// iq4g32s256: a super-block's column is 16 float16 scales, 16 times two bytes of the upper two bits of group scales, a vector
// of their low four, 32 vectors of nibbles, indices of levels, 4 a group. Group scales are 32 too large.
#include "groups.glsl"
#include "iq4_levels.glsl"
#include "nibbles.glsl"
#include "panel_rows.glsl"
const int kOffset = 0;
const bool kSigned = true;
const uint kMinima = kNoMinima;
const uint kSuperWords = 544;

uint group_bytes(Words w, uint panel, uint group, uint lane, uint j) {
  return levels_at(kIq4Levels, nibbles_at(w, panel + (group >> 3) * kSuperWords + 32 + (group & 7u) * 64, lane, j));
}
GroupScales group_scales(Words w, uint panel, uint group, uint lane) {
  const uint super = panel + (group >> 3) * kSuperWords, g = group & 7u;
  const uint high = w.at[super + 8 + (lane >> 1)] >> ((lane & 1u) * 16 + 2 * g) & 3u;
  const uint low = w.at[super + 16 + lane] >> 4 * g & 15u;
  return one_scale(half_at(w, super, lane) * float(int(low | high << 4) - 32));
}
