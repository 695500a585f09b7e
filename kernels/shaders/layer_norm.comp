#version 460
#extension GL_GOOGLE_include_directive : require
// y = (x - mean) / sqrt(variance + eps) * weight (+ bias)
#include "common.glsl"
#include "norm.glsl"

void main() {
  const uint x = gl_WorkGroupID.y * pc.x_stride, y = gl_WorkGroupID.y * pc.y_stride;
  float sum = 0;
  for (uint c = gl_LocalInvocationID.x; c < pc.width; c += kThreads) sum += pc.x.at[x + c];
  const float mean = sum_of(sum) / float(pc.width);
  float squares = 0;
  for (uint c = gl_LocalInvocationID.x; c < pc.width; c += kThreads) {
    const float d = pc.x.at[x + c] - mean;
    squares += d * d;
  }
  const float factor = 1.0 / sqrt(sum_of(squares) / float(pc.width) + pc.eps);
  for (uint c = gl_LocalInvocationID.x; c < pc.width; c += kThreads) {
    const float bias = pc.has_bias != 0 ? pc.bias.at[c] : 0.0;
    pc.y.at[y + c] = (pc.x.at[x + c] - mean) * factor * pc.weight.at[c] + bias;
  }
}
