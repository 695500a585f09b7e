// tq2g256: 256 weights of two bits, 1 too large, in two runs of 32 bytes, then a float16 scale.
#include "groups.glsl"
#include "row_form.glsl"
const int kOffset = 1;
const bool kSigned = false;
const uint kMinima = kNoMinima;
const uint kBlockBytes = 66;

uint group_bytes(Words w, uint panel, uint group, uint lane, uint j) {
  const uint block = panel + (group >> 3) * kBlockBytes, g = group & 7u;
  return word_at(w, block + (g >> 2) * 32 + 4 * j) >> ((g & 3u) << 1) & 0x03030303u;
}
GroupScales group_scales(Words w, uint panel, uint group, uint lane) {
  return one_scale(half_value(half_bits_at(w, panel + (group >> 3) * kBlockBytes + 64)));
}
