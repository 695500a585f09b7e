// A storage type's weights in groups of 32 along k, each w = scale * halves[k / 16] * (byte - kOffset) + minimum *
// minima[k / 16]. The type's file group_<type>.glsl, which includes this one, says where they lie (kernels/dtypes/panel.h):
//   kPanelRows, kOffset, kMinima; kSigned: what a byte is
//   uint group_bytes(w, panel, group, lane, j)       of k 4j .. 4j + 3
//   GroupScales group_scales(w, panel, group, lane)  each exact in a float
// `panel` is where the row's panel begins, `lane` its row there, `group` counts along k.
struct GroupScales {
  float scale;
  float minimum;
  ivec2 halves;
  ivec2 minima;
};

// What minima there are: products of bytes add each kind in its own way.
const uint kNoMinima = 0, kGroupMinima = 1, kHalfMinima = 2;

GroupScales one_scale(float scale) { return GroupScales(scale, 0.0, ivec2(1), ivec2(0)); }
