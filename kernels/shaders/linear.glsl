// y[t][o] = sum over k of x[t][k] * w[o][k] (+ bias[o]); included behind a storage type's load_pair().
//
// A thread is a row of w and up to kTokens tokens: neighbouring threads read neighbouring words of a panel, each weight
// is unpacked once for all the tokens, and nobody waits for anybody. Where rows are too few to fill a device, kSplits
// threads share a row's blocks in turn and the first adds their sums in order.
layout(local_size_x_id = 0, local_size_y_id = 1) in;
layout(constant_id = 0) const uint kRows = 16;    // of w in a work group, a multiple of 16
layout(constant_id = 1) const uint kSplits = 1;   // threads a row
layout(constant_id = 2) const uint kTokens = 1;   // of a thread
layout(constant_id = 3) const bool kChecked = false;  // rows of x are not whole blocks, or not aligned to 16 bytes

layout(push_constant) uniform Push {
  Vec4s x;
  Words w;
  Floats bias;
  Floats y;
  uint x_stride;  // floats
  uint y_stride;
  uint rows;
  uint cols;
  uint tokens;
  uint panel_size;  // words; of types in row form bytes
  uint blocks;
  uint has_bias;
} pc;

shared float partial[kRows * kSplits * kTokens];

vec4 load_x(uint token, uint k4) {
  if (!kChecked) return pc.x.at[token * (pc.x_stride >> 2) + k4];
  Floats x = Floats(uvec2(pc.x));
  const uint at = token * pc.x_stride, k = 4 * k4;
  return vec4(k < pc.cols ? x.at[at + k] : 0.0, k + 1 < pc.cols ? x.at[at + k + 1] : 0.0,
              k + 2 < pc.cols ? x.at[at + k + 2] : 0.0, k + 3 < pc.cols ? x.at[at + k + 3] : 0.0);
}

void main() {
  const uint row = gl_WorkGroupID.x * kRows + gl_LocalInvocationID.x;
  const uint split = gl_LocalInvocationID.y;
  const uint first = gl_WorkGroupID.y * kTokens;
  const bool inside = row < pc.rows;
  float sums[kTokens];
  for (uint t = 0; t < kTokens; ++t) sums[t] = 0;
  if (inside) {
    const uint panel = row / kPanelRows * pc.panel_size, lane = row % kPanelRows;
    for (uint block = split; block < pc.blocks; block += kSplits) {
      const vec4 scales = load_scales(pc.w, panel, block, lane);
      for (uint i = 0; i < kBlock / 8; ++i) {
        vec4 low, high;
        load_pair(pc.w, panel, block, lane, i, scales, pc.cols, low, high);
        const uint k4 = block * (kBlock / 4);
        for (uint t = 0; t < kTokens; ++t) {
          const uint token = min(first + t, pc.tokens - 1);
          sums[t] += dot(low, load_x(token, k4 + pair_low(i))) + dot(high, load_x(token, k4 + pair_high(i)));
        }
      }
    }
  }
#include "linear_end.glsl"
}
