// Of a vector of fifth bits, whose word has that of k 4j + c at bit j of its byte c, and 4 vectors of nibbles from `at`.
#include "nibbles.glsl"
uint five_bits_at(Words w, uint at, uint lane, uint j) {
  return nibbles_at(w, at + 16, lane, j) | (w.at[at + lane] >> j & 0x01010101u) << 4;
}
