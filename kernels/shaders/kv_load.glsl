// Numbers of keys and values as floats.

float float_at(Words page, uint block, uint index, uint type) {
  if (type == kF32) return uintBitsToFloat(page.at[block + index]);
  const vec2 both = unpackHalf2x16(page.at[block + (index >> 1)]);
  return (index & 1u) != 0 ? both.y : both.x;
}

uint byte_at(Words page, uint base, uint index) { return page.at[base + (index >> 2)] >> 8 * (index & 3u) & 255u; }

float signed_byte(uint value) { return float(bitfieldExtract(int(value), 0, 8)); }

// Number d of a value whose quantised numbers begin at byte `first` behind word `base`; without the group's scale.
float quant_at(Words page, uint base, uint first, uint d, uint type) {
  if (type == kQ8) return signed_byte(byte_at(page, base, first + d));
  const uint group = d >> 5, k = d & 31u, half_size = (group_size(group) + 1) >> 1;
  const bool high = k >= half_size;
  const uint both = byte_at(page, base, first + 16 * group + (high ? k - half_size : k));
  return level(high ? both >> 4 : both & 15u);
}
