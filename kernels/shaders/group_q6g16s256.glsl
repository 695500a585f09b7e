// q6g16s256: a super-block's column is 16 float16 scales, 4 vectors of signed 8-bit scales of 16 weights, 16 vectors of high
// bits, 32 of nibbles; 32 too large.
#include "groups.glsl"
#include "panel_rows.glsl"
const int kOffset = 32;
const bool kSigned = false;
const uint kMinima = kNoMinima;
const uint kSuperWords = 840;

uint group_bytes(Words w, uint panel, uint group, uint lane, uint j) {
  const uint high = panel + (group >> 3) * kSuperWords + 72, low = high + 256, g = group & 7u;
  return (w.at[low + ((g >> 2) * 16 + (g & 1u) * 8 + j) * 16 + lane] >> ((g & 2u) << 1) & 0x0f0f0f0fu) |
         (w.at[high + ((g >> 2) * 8 + j) * 16 + lane] >> ((g & 3u) << 1) & 0x03030303u) << 4;
}
GroupScales group_scales(Words w, uint panel, uint group, uint lane) {
  const uint super = panel + (group >> 3) * kSuperWords, g = group & 7u;
  const int two = int(w.at[super + 8 + (g >> 1) * 16 + lane] >> ((g & 1u) << 4));
  return GroupScales(half_at(w, super, lane), 0.0, ivec2(two << 24, two << 16) >> 24, ivec2(0));
}
