// q8g32: a block column is 16 float16 scales, then 8 vectors of 16 words, each word 4 bytes of a row.
const uint kBlock = 32;
const bool kHasGroups = true;
const uint kBlockWords = 136;

uint pair_low(uint i) { return 2 * i; }
uint pair_high(uint i) { return 2 * i + 1; }
vec2 load_scales(Words w, uint panel, uint block, uint lane) {
  return vec2(half_at(w, panel + block * kBlockWords, lane), 0);
}
vec4 signed_bytes(uint word) {
  const int bytes = int(word);
  return vec4(bitfieldExtract(bytes, 0, 8), bitfieldExtract(bytes, 8, 8), bitfieldExtract(bytes, 16, 8), bytes >> 24);
}
void load_pair(Words w, uint panel, uint block, uint lane, uint i, vec2 scales, uint cols, out vec4 low, out vec4 high) {
  const uint at = panel + block * kBlockWords + 8 + 32 * i + lane;
  low = signed_bytes(w.at[at]) * scales.x;
  high = signed_bytes(w.at[at + 16]) * scales.x;
}
