// Types in row form: a panel is a row, counted in bytes; blocks begin at any byte.
const uint kPanelRows = 1;

uint byte_at(Words w, uint at) { return w.at[at >> 2] >> ((at & 3u) << 3) & 255u; }
uint half_bits_at(Words w, uint at) { return byte_at(w, at) | byte_at(w, at + 1) << 8; }
// Four bytes. The word behind them is read only where they reach into it.
uint word_at(Words w, uint at) {
  const uint shift = (at & 3u) << 3, low = w.at[at >> 2] >> shift;
  return shift == 0 ? low : low | w.at[(at >> 2) + 1] << (32 - shift);
}
