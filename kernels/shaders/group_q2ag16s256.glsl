// q2ag16s256: a super-block's column is 16 float16 scales, 16 minima, 4 vectors of 4-bit scales and minima of 16 weights, 16
// vectors of two bits.
#include "groups.glsl"
#include "panel_rows.glsl"
const int kOffset = 0;
const bool kSigned = false;
const uint kMinima = kHalfMinima;
const uint kSuperWords = 336;

uint group_bytes(Words w, uint panel, uint group, uint lane, uint j) {
  const uint quants = panel + (group >> 3) * kSuperWords + 80, g = group & 7u;
  return w.at[quants + ((g >> 2) * 8 + j) * 16 + lane] >> ((g & 3u) << 1) & 0x03030303u;
}
GroupScales group_scales(Words w, uint panel, uint group, uint lane) {
  const uint super = panel + (group >> 3) * kSuperWords, g = group & 7u;
  const uint two = w.at[super + 16 + (g >> 1) * 16 + lane] >> ((g & 1u) << 4);
  return GroupScales(half_at(w, super, lane), -half_at(w, super + 8, lane), ivec2(two, two >> 8) & 15,
                     ivec2(two >> 4, two >> 12) & 15);
}
