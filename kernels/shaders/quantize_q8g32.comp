#version 460
#extension GL_GOOGLE_include_directive : require
// Rows of x to signed bytes in groups of 32, by the rule of kernels/matmul/quantize.cpp: q = round(x * (127 / largest)),
// ties to even, scale = largest / 127. A thread is a group.
#include "common.glsl"
#include "exact.glsl"
#include "quants.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint kThreads = 64;

layout(push_constant) uniform Push {
  Floats x;
  MutableWords q;
  uint x_stride;  // floats
  uint cols;
  uint groups;  // of a row
} pc;

const uint kSmallest = 0x0d800000u;  // 2^-100: groups below it count as zeros
const uint kInfinity = 0x7f800000u;

void main() {
  const uint group = gl_GlobalInvocationID.x, token = gl_WorkGroupID.y;
  if (group >= pc.groups) return;
  const uint from = token * pc.x_stride + group * 32;
  const uint width = clamp(int(pc.cols) - int(group) * 32, 0, 32);  // groups beyond fill a super-block of weights
  const uint row = token * quant_row_words(pc.groups);
  uint largest = 0;
  for (uint i = 0; i < width; ++i) largest = max(largest, floatBitsToUint(pc.x.at[from + i]) & 0x7fffffffu);
  const bool sound = largest >= kSmallest && largest < kInfinity;
  const float inverse = sound ? divide(127.0, uintBitsToFloat(largest)) : 0.0;
  ivec2 sums = ivec2(0);
  for (uint word = 0; word < 8; ++word) {
    uint packed = 0;
    for (uint i = 0; i < 4; ++i) {
      const uint k = 4 * word + i;
      precise float scaled = sound && k < width ? pc.x.at[from + k] * inverse : 0.0;
      const int value = int(roundEven(scaled));
      sums[word >> 2] += value;
      packed |= (uint(value) & 255u) << (8 * i);
    }
    pc.q.at[row + group * 8 + word] = packed;
  }
  const float scale = sound                ? divide(uintBitsToFloat(largest), 127.0)
                      : largest < kSmallest ? 0.0
                                            : uintBitsToFloat(0x7fc00000u);
  pc.q.at[row + quant_numbers(pc.groups) + 2 * group] = floatBitsToUint(scale);
  pc.q.at[row + quant_numbers(pc.groups) + 2 * group + 1] = quant_sums_word(sums);
}
