#version 460
#extension GL_GOOGLE_include_directive : require
// y = x / sqrt(mean of x^2 + eps) * weight
#include "common.glsl"
#include "norm.glsl"

void main() {
  const uint x = gl_WorkGroupID.y * pc.x_stride + gl_WorkGroupID.x * pc.width;
  const uint y = gl_WorkGroupID.y * pc.y_stride + gl_WorkGroupID.x * pc.width;
  float squares = 0;
  for (uint c = gl_LocalInvocationID.x; c < pc.width; c += kThreads) squares += pc.x.at[x + c] * pc.x.at[x + c];
  const float factor = 1.0 / sqrt(sum_of(squares) / float(pc.width) + pc.eps);
  for (uint c = gl_LocalInvocationID.x; c < pc.width; c += kThreads)
    pc.y.at[y + c] = pc.x.at[x + c] * factor * pc.weight.at[c];
}
