// y[t] = table[ids[t]]; included behind a storage type's load_pair(). A thread is a block of a row.
layout(local_size_x_id = 0) in;
layout(push_constant) uniform Push {
  Words table;
  Words ids;
  Floats y;
  uint y_stride;
  uint cols;
  uint panel_size;  // words; of types in row form bytes
  uint blocks;
} pc;

void store(uint at, uint k, vec4 values) {
  for (uint i = 0; i < 4; ++i) {
    if (k + i < pc.cols) pc.y.at[at + k + i] = values[i];
  }
}

void main() {
  const uint block = gl_GlobalInvocationID.x, token = gl_WorkGroupID.y;
  if (block >= pc.blocks) return;
  const uint row = pc.ids.at[token], panel = row / kPanelRows * pc.panel_size, lane = row % kPanelRows;
  const vec4 scales = load_scales(pc.table, panel, block, lane);
  for (uint i = 0; i < kBlock / 8; ++i) {
    vec4 low, high;
    load_pair(pc.table, panel, block, lane, i, scales, pc.cols, low, high);
    store(token * pc.y_stride, block * kBlock + 4 * pair_low(i), low);
    store(token * pc.y_stride, block * kBlock + 4 * pair_high(i), high);
  }
}
