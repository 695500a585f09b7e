// Floats of types in groups (groups.glsl). A block here is a group.
const uint kBlock = 32;

uint pair_low(uint i) { return i; }
uint pair_high(uint i) { return i + 4; }
// Of the first and of the last 16: what a byte is multiplied with, and what is added then.
vec4 load_scales(Words w, uint panel, uint block, uint lane) {
  const GroupScales scales = group_scales(w, panel, block, lane);
  const vec2 factors = scales.scale * vec2(scales.halves);
  return vec4(factors, scales.minimum * vec2(scales.minima) - float(kOffset) * factors);
}
vec4 four_bytes(uint word) {
  if (kSigned) return vec4(ivec4(word << 24, word << 16, word << 8, word) >> 24);
  return vec4(word & 255u, word >> 8 & 255u, word >> 16 & 255u, word >> 24);
}
void load_pair(Words w, uint panel, uint block, uint lane, uint i, vec4 scales, uint cols, out vec4 low, out vec4 high) {
  low = four_bytes(group_bytes(w, panel, block, lane, i)) * scales.x + scales.z;
  high = four_bytes(group_bytes(w, panel, block, lane, i + 4)) * scales.y + scales.w;
}
