// mxfp4g32: an exponent and 16 bytes of two 4-bit floats, k and k + 16. As in kernels/dtypes/mxfp4g32.cpp the levels are twice
// the floats and the scale is half the block's.
#include "groups.glsl"
#include "levels.glsl"
#include "row_form.glsl"
const int kOffset = 0;
const bool kSigned = true;
const uint kMinima = kNoMinima;
const uint kBlockBytes = 17;
const uvec4 kLevels = uvec4(0x03020100u, 0x0c080604u, 0xfdfeff00u, 0xf4f8fafcu);

uint group_bytes(Words w, uint panel, uint group, uint lane, uint j) {
  const uint word = word_at(w, panel + group * kBlockBytes + 1 + 4 * (j & 3u));
  return levels_at(kLevels, word >> (j & 4u) & 0x0f0f0f0fu);
}
GroupScales group_scales(Words w, uint panel, uint group, uint lane) {
  const uint exponent = byte_at(w, panel + group * kBlockBytes);
  return one_scale(uintBitsToFloat(exponent < 2 ? 0x200000u << exponent : exponent - 1 << 23));
}
