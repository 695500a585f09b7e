// The beginning of a super-block's column of q4ag32s256 and q5ag32s256: 16 float16 scales, 16 minima, 3 vectors of 6-bit
// group scales and minima (kernels/dtypes/k_groups.h).
uint k_byte(Words w, uint groups, uint index) { return w.at[groups + (index >> 2) * 16] >> ((index & 3u) << 3) & 255u; }

GroupScales k_scales(Words w, uint super, uint group, uint lane) {
  const uint groups = super + 16 + lane;
  uint scale, minimum;
  if (group < 4) {
    scale = k_byte(w, groups, group) & 63u;
    minimum = k_byte(w, groups, group + 4) & 63u;
  } else {
    const uint low = k_byte(w, groups, group + 4);
    scale = (low & 15u) | k_byte(w, groups, group - 4) >> 6 << 4;
    minimum = low >> 4 | k_byte(w, groups, group) >> 6 << 4;
  }
  return GroupScales(half_at(w, super, lane) * float(scale), -half_at(w, super + 8, lane) * float(minimum), ivec2(1), ivec2(1));
}
