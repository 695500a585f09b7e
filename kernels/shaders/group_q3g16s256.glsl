// q3g16s256: a super-block's column is 16 float16 scales, 3 vectors of 6-bit scales of 16 weights, 8 vectors of third bits,
// 16 of two bits; 4 too large.
#include "groups.glsl"
#include "panel_rows.glsl"
const int kOffset = 4;
const bool kSigned = false;
const uint kMinima = kNoMinima;
const uint kSuperWords = 440;

uint group_bytes(Words w, uint panel, uint group, uint lane, uint j) {
  const uint high = panel + (group >> 3) * kSuperWords + 56, low = high + 128, g = group & 7u;
  return (w.at[low + ((g >> 2) * 8 + j) * 16 + lane] >> ((g & 3u) << 1) & 0x03030303u) |
         (w.at[high + 16 * j + lane] >> g & 0x01010101u) << 2;
}
GroupScales group_scales(Words w, uint panel, uint group, uint lane) {
  const uint super = panel + (group >> 3) * kSuperWords, g = group & 7u;
  const uint groups = super + 8 + lane, shift = (g & 1u) << 4;
  const uint low = w.at[groups + ((g & 2u) << 3)] >> (shift + (g & 4u)) & 0x0f0fu;
  const uint two = low | (w.at[groups + 32] >> (shift + (g & 6u)) & 0x0303u) << 4;
  return GroupScales(half_at(w, super, lane), 0.0, ivec2(two & 255u, two >> 8) - 32, ivec2(0));
}
