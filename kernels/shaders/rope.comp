#version 460
#extension GL_GOOGLE_include_directive : require
// Rotates pairs of each head by the step's table (graph/ops/rope.cpp). A thread is a pair, or a dimension that passes
// through; y may be x.
#include "common.glsl"
layout(local_size_x_id = 0) in;
layout(push_constant) uniform Push {
  Floats x;
  Floats table;
  Floats y;
  uint x_stride;
  uint table_stride;
  uint y_stride;
  uint heads;
  uint head_dim;
  uint half_dim;  // pairs of a head
  uint interleaved;
} pc;

void main() {
  const uint per_head = pc.head_dim - pc.half_dim;  // pairs and the rest
  const uint index = gl_GlobalInvocationID.x, row = gl_WorkGroupID.y;
  if (index >= pc.heads * per_head) return;
  const uint head = index / per_head, i = index % per_head;
  const uint x = row * pc.x_stride + head * pc.head_dim, y = row * pc.y_stride + head * pc.head_dim;
  if (i >= pc.half_dim) {
    pc.y.at[y + pc.half_dim + i] = pc.x.at[x + pc.half_dim + i];
    return;
  }
  const float c = pc.table.at[row * pc.table_stride + i], s = pc.table.at[row * pc.table_stride + pc.half_dim + i];
  const uint first = pc.interleaved != 0 ? 2 * i : i;
  const uint second = pc.interleaved != 0 ? 2 * i + 1 : i + pc.half_dim;
  const float a = pc.x.at[x + first], b = pc.x.at[x + second];
  pc.y.at[y + first] = a * c - b * s;
  pc.y.at[y + second] = b * c + a * s;
}
