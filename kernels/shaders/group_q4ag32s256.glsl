// q4ag32s256: a super-block's column is what k_scales.glsl has, then 32 vectors of nibbles, 8 for two groups.
#include "groups.glsl"
#include "k_scales.glsl"
#include "panel_rows.glsl"
const int kOffset = 0;
const bool kSigned = false;
const uint kMinima = kGroupMinima;
const uint kSuperWords = 576;

uint group_bytes(Words w, uint panel, uint group, uint lane, uint j) {
  const uint low = panel + (group >> 3) * kSuperWords + 64 + ((group & 7u) >> 1) * 128;
  return w.at[low + 16 * j + lane] >> ((group & 1u) << 2) & 0x0f0f0f0fu;
}
GroupScales group_scales(Words w, uint panel, uint group, uint lane) {
  return k_scales(w, panel + (group >> 3) * kSuperWords, group & 7u, lane);
}
