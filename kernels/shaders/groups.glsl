// A storage type's weights in groups of 32 along k, each w = scale * halves[k / 16] * (byte - kOffset) + minimum. The type's
// file group_<type>.glsl, which includes this one, says where they lie (kernels/dtypes/panel.h):
//   kPanelRows, kOffset, kHasMinima; kSigned: what a byte is
//   uint group_bytes(w, panel, group, lane, j)       of k 4j .. 4j + 3
//   GroupScales group_scales(w, panel, group, lane)  each exact in a float
// `panel` is where the row's panel begins, `lane` its row there, `group` counts along k.
struct GroupScales {
  float scale;
  float minimum;
  ivec2 halves;
};

GroupScales one_scale(float scale) { return GroupScales(scale, 0.0, ivec2(1)); }
