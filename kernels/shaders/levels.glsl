// 16 levels of a byte each, four to a word of `table`, by the four indices 0 .. 15 in a word's bytes.
uint level_at(uvec4 table, uint index) {
  const uint word = (index & 8u) != 0 ? (index & 4u) != 0 ? table.w : table.z : (index & 4u) != 0 ? table.y : table.x;
  return word >> ((index & 3u) << 3) & 255u;
}
uint levels_at(uvec4 table, uint indices) {
  return level_at(table, indices) | level_at(table, indices >> 8) << 8 | level_at(table, indices >> 16) << 16 |
         level_at(table, indices >> 24) << 24;
}
