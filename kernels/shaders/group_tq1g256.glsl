// tq1g256: 256 weights of three levels, 1 too large, five to a byte, then a float16 scale (kernels/dtypes/tq1g256.cpp).
#include "groups.glsl"
#include "row_form.glsl"
const int kOffset = 1;
const bool kSigned = false;
const uint kMinima = kNoMinima;
const uint kBlockBytes = 54;

// Digit `n` of each of a word's bytes.
uint digits(uint word, uint n) {
  const uint power = n == 0 ? 1u : n == 1 ? 3u : n == 2 ? 9u : n == 3 ? 27u : 81u;
  uint digits = 0;
  for (uint shift = 0; shift < 32; shift += 8) digits |= (((word >> shift & 255u) * power & 255u) * 3 >> 8) << shift;
  return digits;
}
uint group_bytes(Words w, uint panel, uint group, uint lane, uint j) {
  const uint block = panel + (group >> 3) * kBlockBytes, g = group & 7u;
  if (g < 5) return digits(word_at(w, block + 4 * j), g);           // 32 bytes of five digits, 32 apart
  const uint word = (g - 5) * 8 + j;                                // of the 24 from k 160 on
  if (word < 20) return digits(word_at(w, block + 32 + 4 * (word & 3u)), word >> 2);  // 16 bytes, 16 apart
  return digits(word_at(w, block + 48), word - 20);                 // 4 bytes of four digits, 4 apart
}
GroupScales group_scales(Words w, uint panel, uint group, uint lane) {
  return one_scale(half_value(half_bits_at(w, panel + (group >> 3) * kBlockBytes + 52)));
}
