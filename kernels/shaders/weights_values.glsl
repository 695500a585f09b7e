// Pairs of types that hold values one by one (value_at).
#include "panel_rows.glsl"
void load_pair(Words w, uint panel, uint block, uint lane, uint i, vec4 scales, uint cols, out vec4 low, out vec4 high) {
  const uint k = block * kBlock + 8 * i;
  low = vec4(value_at(w, panel, lane, k, cols), value_at(w, panel, lane, k + 1, cols),
             value_at(w, panel, lane, k + 2, cols), value_at(w, panel, lane, k + 3, cols));
  high = vec4(value_at(w, panel, lane, k + 4, cols), value_at(w, panel, lane, k + 5, cols),
              value_at(w, panel, lane, k + 6, cols), value_at(w, panel, lane, k + 7, cols));
}
