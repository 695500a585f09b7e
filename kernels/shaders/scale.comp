#version 460
#extension GL_GOOGLE_include_directive : require
// y = factor * a
#include "common.glsl"
#include "rows.glsl"

void main() {
  const uint c = gl_GlobalInvocationID.x, r = gl_WorkGroupID.y;
  if (c < pc.cols) pc.y.at[r * pc.y_stride + c] = pc.factor * pc.a.at[r * pc.a_stride + c];
}
