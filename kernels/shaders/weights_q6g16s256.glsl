// q6g16s256: a super-block column is 16 float16 scales, 4 vectors of signed 8-bit group scales, 16 vectors of high bits,
// 32 vectors of low bits. A block here is two groups of 16 values.
const uint kBlock = 32;
const bool kHasGroups = true;
const uint kSuperWords = 840;

uint pair_low(uint i) { return i; }
uint pair_high(uint i) { return i + 4; }
float group_scale(Words w, uint groups, uint index) {
  return float(bitfieldExtract(int(w.at[groups + (index >> 2) * 16]), int(index & 3u) * 8, 8));
}
vec2 load_scales(Words w, uint panel, uint block, uint lane) {
  const uint at = panel + (block >> 3) * kSuperWords;
  const uint group = (block & 7u) * 2;
  return half_at(w, at, lane) * vec2(group_scale(w, at + 8 + lane, group), group_scale(w, at + 8 + lane, group + 1));
}
vec4 six_bits(Words w, uint super, uint lane, uint group, uint i) {
  const uint low = w.at[super + 328 + ((group >> 3) * 16 + (group & 3u) * 4 + i) * 16 + lane] >> ((group & 7u) >> 2 << 2);
  const uint high = w.at[super + 72 + ((group >> 3) * 8 + (group & 1u) * 4 + i) * 16 + lane] >> ((group & 7u) >> 1 << 1);
  const uint word = (low & 0x0f0f0f0fu) | (high & 0x03030303u) << 4;
  return vec4(word & 255u, word >> 8 & 255u, word >> 16 & 255u, word >> 24) - 32.0;
}
void load_pair(Words w, uint panel, uint block, uint lane, uint i, vec2 scales, uint cols, out vec4 low, out vec4 high) {
  const uint super = panel + (block >> 3) * kSuperWords, group = (block & 7u) * 2;
  low = six_bits(w, super, lane, group, i) * scales.x;
  high = six_bits(w, super, lane, group + 1, i) * scales.y;
}
