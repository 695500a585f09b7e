#version 460
#extension GL_GOOGLE_include_directive : require
// Merges the parts that attention.comp handed out, in their order, and writes a row's output. Groups: x heads, y tokens.
#include "common.glsl"
layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint kThreads = 64;
#include "kv.glsl"
const uint kRows = 1;

shared float numbers[kHeadDim];
#include "rotation.glsl"
#include "attention_sums.glsl"

void main() {
  const uint head = gl_WorkGroupID.x, token = gl_WorkGroupID.y;
  clear_sums();
  for (uint p = 0; p < pc.parts; ++p) {
    const uint at = partial_at(token, head, p);
    part_top[0] = pc.partials.at[at + kHeadDim];
    part_total[0] = pc.partials.at[at + kHeadDim + 1];
    for (uint i = 0; i < kColumns; ++i) {
      const uint d = i * kThreads + gl_LocalInvocationID.x;
      if (d < kHeadDim) part_sums[i] = pc.partials.at[at + d];
    }
    merge_part();
  }
  places[0] = token * pc.y_stride + head * kHeadDim;
  write_out(1);
}
