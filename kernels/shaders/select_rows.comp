#version 460
#extension GL_GOOGLE_include_directive : require
// y[r] = a[rows[r]]; `b` holds the rows' numbers.
#include "common.glsl"
#include "rows.glsl"

void main() {
  const uint c = gl_GlobalInvocationID.x, r = gl_WorkGroupID.y;
  if (c >= pc.cols) return;
  const uint row = Words(uvec2(pc.b)).at[r];
  pc.y.at[r * pc.y_stride + c] = pc.a.at[row * pc.a_stride + c];
}
