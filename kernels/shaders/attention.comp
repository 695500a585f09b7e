#version 460
#extension GL_GOOGLE_include_directive : require
// Grouped-query attention of one row and head by a work group: chunks of as many keys as there are threads, a key a
// thread for the scores, a dimension a thread for the sums, online softmax between chunks.
#include "common.glsl"
layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint kThreads = 64;  // a multiple of 16
#include "kv.glsl"
#include "kv_load.glsl"

const uint kColumns = (kHeadDim + kThreads - 1) / kThreads;  // dimensions a thread

shared float numbers[kHeadDim];  // the query, then the output
shared float scores[kThreads];
shared float largest[16];
shared float value_scales[kGroups * kThreads];
#include "rotation.glsl"

float score_of(uint key, uint kv_head) {
  Words page = Words(pc.pages.at[key >> pc.page_shift]);
  const uint block = block_at(key, kv_head, false), token = key & 15u;
  float dot = 0;
  if (kKeys < kQ8) {
    for (uint d = 0; d < kHeadDim; ++d) dot = fma(numbers[d], float_at(page, block, d * 16 + token, kKeys), dot);
    return dot;
  }
  for (uint group = 0; group < kGroups; ++group) {
    float sum = 0;
    for (uint d = 32 * group; d < 32 * group + group_size(group); ++d)
      sum = fma(numbers[d], quant_at(page, block + 8 * kGroups, token, 16, d, kKeys), sum);
    dot = fma(sum, half_at(page, block, group * 16 + token), dot);
  }
  return dot;
}

void main() {
  const uint lane = gl_LocalInvocationID.x, head = gl_WorkGroupID.x, row = gl_WorkGroupID.y;
  const uint kv_head = head / (pc.heads / pc.kv_heads);
  for (uint d = lane; d < kHeadDim; d += kThreads) {
    const float x = pc.q.at[row * pc.q_stride + head * kHeadDim + d] * pc.scale;
    numbers[d] = kKeys < kQ8 ? x : x * rotation_sign(d);
  }
  barrier();
  if (kKeys >= kQ8) transform(kHeadDim);
  const uint end = pc.step.first_position + row + 1;
  const uint begin = pc.window != 0 && end > pc.window ? end - pc.window : 0;
  float sums[kColumns];
  for (uint i = 0; i < kColumns; ++i) sums[i] = 0;
  float top = -1e38, total = 0;
  for (uint chunk = begin & ~(kThreads - 1); chunk < end; chunk += kThreads) {
    const uint key = chunk + lane;
    float score = -1e38;
    if (key >= begin && key < end) {
      score = score_of(key, kv_head);
      if (kValues >= kQ8) {
        Words page = Words(pc.pages.at[key >> pc.page_shift]);
        const uint block = block_at(key, kv_head, true);
        for (uint group = 0; group < kGroups; ++group)
          value_scales[group * kThreads + lane] = half_at(page, block, group * 16 + (key & 15u));
      }
    }
    scores[lane] = score;
    barrier();
    if (lane < 16) {
      float most = scores[lane];
      for (uint i = lane + 16; i < kThreads; i += 16) most = max(most, scores[i]);
      largest[lane] = most;
    }
    barrier();
    float chunk_top = top;
    for (uint i = 0; i < 16; ++i) chunk_top = max(chunk_top, largest[i]);
    const float shrink = exp(top - chunk_top);
    top = chunk_top;
    scores[lane] = exp(score - top);
    barrier();
    for (uint i = 0; i < kColumns; ++i) sums[i] *= shrink;
    total *= shrink;
    const uint from = max(chunk, begin), to = min(chunk + kThreads, end);
    for (uint j = from; j < to;) {
      Words page = Words(pc.pages.at[j >> pc.page_shift]);
      const uint block = block_at(j, kv_head, true), block_end = min((j | 15u) + 1, to);
      for (; j < block_end; ++j) {
        const float weight = scores[j - chunk];
        total += weight;
        for (uint i = 0; i < kColumns; ++i) {
          const uint d = i * kThreads + lane;
          if (d >= kHeadDim) continue;
          if (kValues < kQ8) {
            sums[i] += weight * float_at(page, block, (j & 15u) * kHeadDim + d, kValues);
          } else {
            const float value = quant_at(page, block + 8 * kGroups, (j & 15u) * packed_bytes(kValues, kHeadDim), 1, d,
                                         kValues);
            sums[i] += weight * value_scales[(d >> 5) * kThreads + (j - chunk)] * value;
          }
        }
      }
    }
    barrier();
  }
  const uint y = row * pc.y_stride + head * kHeadDim;
  if (kValues == kQ4) {  // rotated: turned back
    for (uint i = 0; i < kColumns; ++i) {
      const uint d = i * kThreads + lane;
      if (d < kHeadDim) numbers[d] = sums[i] / total;
    }
    barrier();
    transform(kHeadDim);
    for (uint d = lane; d < kHeadDim; d += kThreads) pc.y.at[y + d] = numbers[d] * rotation_sign(d);
    return;
  }
  for (uint i = 0; i < kColumns; ++i) {
    const uint d = i * kThreads + lane;
    if (d < kHeadDim) pc.y.at[y + d] = sums[i] / total;
  }
}
