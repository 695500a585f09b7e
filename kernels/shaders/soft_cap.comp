#version 460
#extension GL_GOOGLE_include_directive : require
// y = factor * tanh(a / factor)
#include "common.glsl"
#include "rows.glsl"
#include "activations.glsl"

void main() {
  const uint c = gl_GlobalInvocationID.x, r = gl_WorkGroupID.y;
  if (c < pc.cols)
    pc.y.at[r * pc.y_stride + c] = pc.factor * hyperbolic_tangent(pc.a.at[r * pc.a_stride + c] / pc.factor);
}
