#version 460
#extension GL_GOOGLE_include_directive : require
// y = a + b, or a * b
#include "common.glsl"
#include "rows.glsl"
layout(constant_id = 1) const bool kMultiply = false;

void main() {
  const uint c = gl_GlobalInvocationID.x, r = gl_WorkGroupID.y;
  if (c >= pc.cols) return;
  const float a = pc.a.at[r * pc.a_stride + c], b = pc.b.at[r * pc.b_stride + c];
  pc.y.at[r * pc.y_stride + c] = kMultiply ? a * b : a + b;
}
