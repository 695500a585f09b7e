// q4g32 as signed bytes (weights_q4g32.glsl has the layout): nibbles as they are, 8 too large.
const int kOffset = 8;
const uint kBlockWords = 72;

float load_bytes(Words w, uint panel, uint block, uint lane, out uvec4 low, out uvec4 high) {
  const uint at = panel + block * kBlockWords;
  for (uint i = 0; i < 4; ++i) {
    const uint word = w.at[at + 8 + 16 * i + lane];
    low[i] = word & 0x0f0f0f0fu;
    high[i] = word >> 4 & 0x0f0f0f0fu;
  }
  return half_at(w, at, lane);
}
