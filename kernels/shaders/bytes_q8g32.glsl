// q8g32 as signed bytes (weights_q8g32.glsl has the layout).
const int kOffset = 0;
const uint kBlockWords = 136;

float load_bytes(Words w, uint panel, uint block, uint lane, out uvec4 low, out uvec4 high) {
  const uint at = panel + block * kBlockWords;
  for (uint i = 0; i < 4; ++i) {
    low[i] = w.at[at + 8 + 16 * i + lane];
    high[i] = w.at[at + 72 + 16 * i + lane];
  }
  return half_at(w, at, lane);
}
