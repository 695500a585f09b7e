// The four low and the four high nibbles of a word's bytes.
vec4 low_nibbles(uint word) {
  return vec4(word & 15u, word >> 8 & 15u, word >> 16 & 15u, word >> 24 & 15u);
}
vec4 high_nibbles(uint word) {
  return vec4(word >> 4 & 15u, word >> 12 & 15u, word >> 20 & 15u, word >> 28);
}
