// y[t][o] = sum over k of x[t][k] * w[o][k] (+ bias[o]) with x in signed bytes (quants.glsl); included behind a storage
// type's groups (groups.glsl). Threads are dealt as in linear.glsl. A group's integers are added exactly, groups in
// ascending order by total = fma(float(dot), weight_scale * lhs_scale, total), then a minimum by total =
// fma(minimum, lhs_scale * lhs_sum, total), or those of halves by total = fma(float(minima * lhs_sums), minimum * lhs_scale,
// total), as the CPU's rows do: without splits the same bits.
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
  uint panel_size;  // words; of types in row form bytes
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
    const uint panel = row / kPanelRows * pc.panel_size, lane = row % kPanelRows;
    for (uint block = split; block < pc.blocks; block += kSplits) {
      const GroupScales scales = group_scales(pc.w, panel, block, lane);
      uvec4 low, high;
      for (uint i = 0; i < 4; ++i) {
        low[i] = group_bytes(pc.w, panel, block, lane, i);
        high[i] = group_bytes(pc.w, panel, block, lane, i + 4);
      }
      for (uint t = 0; t < kTokens; ++t) {
        const uint at = min(first + t, pc.tokens - 1) * row_words;
        const uvec4 a = x4.at[(at >> 2) + 2 * block], b = x4.at[(at >> 2) + 2 * block + 1];
        const float x_scale = uintBitsToFloat(pc.x.at[at + numbers + 2 * block]);
        const ivec2 x_sums = quant_sums(pc.x.at[at + numbers + 2 * block + 1]);
        ivec2 dots = -kOffset * x_sums;
        for (uint i = 0; i < 4; ++i)
          dots += ivec2(signed_dot(low[i], a[i], kPacked4x8), signed_dot(high[i], b[i], kPacked4x8));
        dots *= scales.halves;
        precise const float factor = scales.scale * x_scale;
        sums[t] = fma(float(dots.x + dots.y), factor, sums[t]);
        if (kMinima == kGroupMinima) {
          precise const float weighted = x_scale * float(x_sums.x + x_sums.y);
          sums[t] = fma(scales.minimum, weighted, sums[t]);
        } else if (kMinima == kHalfMinima) {
          const ivec2 weighted = scales.minima * x_sums;
          precise const float minimum = scales.minimum * x_scale;
          sums[t] = fma(float(weighted.x + weighted.y), minimum, sums[t]);
        }
      }
    }
  }
#include "linear_end.glsl"
}
