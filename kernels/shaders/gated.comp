#version 460
#extension GL_GOOGLE_include_directive : require
// y = act(a) * b
#include "common.glsl"
#include "rows.glsl"
#include "activations.glsl"

void main() {
  const uint c = gl_GlobalInvocationID.x, r = gl_WorkGroupID.y;
  if (c < pc.cols)
    pc.y.at[r * pc.y_stride + c] = activate(pc.a.at[r * pc.a_stride + c]) * pc.b.at[r * pc.b_stride + c];
}
