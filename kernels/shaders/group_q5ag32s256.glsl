// q5ag32s256: a super-block's column is what k_scales.glsl has, then 8 vectors of fifth bits, one a group, and 32 of
// nibbles, 8 for two groups.
#include "groups.glsl"
#include "k_scales.glsl"
#include "panel_rows.glsl"
const int kOffset = 0;
const bool kSigned = false;
const uint kMinima = kGroupMinima;
const uint kSuperWords = 704;

uint group_bytes(Words w, uint panel, uint group, uint lane, uint j) {
  const uint high = panel + (group >> 3) * kSuperWords + 64;
  const uint low = high + 128 + ((group & 7u) >> 1) * 128;
  return (w.at[low + 16 * j + lane] >> ((group & 1u) << 2) & 0x0f0f0f0fu) |
         (w.at[high + 16 * j + lane] >> (group & 7u) & 0x01010101u) << 4;
}
GroupScales group_scales(Words w, uint panel, uint group, uint lane) {
  return k_scales(w, panel + (group >> 3) * kSuperWords, group & 7u, lane);
}
