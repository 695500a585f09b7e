// y[t][o] = sum over k of x[t][k] * w[o][k] (+ bias[o]) with x in signed bytes (quants.glsl); included behind a storage
// type's load_bytes(). Threads are dealt as in linear.glsl. A group's integers are added exactly, groups in ascending
// order by total = fma(float(dot), weight_scale * lhs_scale, total), as the CPU's rows do: without splits the same bits.
//
// The compiler of Debian 12 knows no GLSL for the instruction; it takes it by its number.
#extension GL_EXT_spirv_intrinsics : require

spirv_instruction(extensions = ["SPV_KHR_integer_dot_product"], capabilities = [6018, 6019], id = 4450)
int signed_dot(uint a, uint b, spirv_literal int format);
const int kPacked4x8 = 0;

layout(local_size_x_id = 0, local_size_y_id = 1) in;
layout(constant_id = 0) const uint kRows = 16;   // of w in a work group, a multiple of 16
layout(constant_id = 1) const uint kSplits = 1;  // threads a row
layout(constant_id = 2) const uint kTokens = 1;  // of a thread

layout(buffer_reference, std430, buffer_reference_align = 16) readonly buffer Words4 { uvec4 at[]; };

layout(push_constant) uniform Push {
  Words x;
  Words w;
  Floats bias;
  Floats y;
  uint y_stride;
  uint rows;
  uint tokens;
  uint panel_words;
  uint blocks;
  uint has_bias;
} pc;

shared float partial[kRows * kSplits * kTokens];

void main() {
  const uint row = gl_WorkGroupID.x * kRows + gl_LocalInvocationID.x;
  const uint split = gl_LocalInvocationID.y;
  const uint first = gl_WorkGroupID.y * kTokens;
  const bool inside = row < pc.rows;
  precise float sums[kTokens];
  for (uint t = 0; t < kTokens; ++t) sums[t] = 0;
  if (inside) {
    Words4 x4 = Words4(uvec2(pc.x));
    const uint row_words = quant_row_words(pc.blocks), numbers = quant_numbers(pc.blocks);
    const uint panel = (row >> 4) * pc.panel_words, lane = row & 15u;
    for (uint block = split; block < pc.blocks; block += kSplits) {
      uvec4 low, high;
      const float scale = load_bytes(pc.w, panel, block, lane, low, high);
      for (uint t = 0; t < kTokens; ++t) {
        const uint at = min(first + t, pc.tokens - 1) * row_words;
        const uvec4 a = x4.at[(at >> 2) + 2 * block], b = x4.at[(at >> 2) + 2 * block + 1];
        int dot = -kOffset * int(pc.x.at[at + numbers + 2 * block + 1]);
        for (uint i = 0; i < 4; ++i)
          dot += signed_dot(low[i], a[i], kPacked4x8) + signed_dot(high[i], b[i], kPacked4x8);
        precise const float factor = scale * uintBitsToFloat(pc.x.at[at + numbers + 2 * block]);
        sums[t] = fma(float(dot), factor, sums[t]);
      }
    }
  }
#include "linear_end.glsl"
}
