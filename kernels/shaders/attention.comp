#version 460
#extension GL_GOOGLE_include_directive : require
// Grouped-query attention of one row and head by a work group: chunks of as many keys as there are threads, a key a
// thread for the scores, a dimension a thread for the sums, online softmax between chunks.
#include "common.glsl"
layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint kThreads = 64;  // a multiple of 16
layout(constant_id = 3) const uint kColumns = 1;   // dimensions a thread: head_dim / kThreads, rounded up
#include "kv.glsl"

shared float scores[kThreads];
shared float largest[16];

void main() {
  const uint lane = gl_LocalInvocationID.x, head = gl_WorkGroupID.x, row = gl_WorkGroupID.y;
  const uint kv_head = head / (pc.heads / pc.kv_heads);
  const uint q = row * pc.q_stride + head * pc.head_dim;
  const uint end = pc.step.first_position + row + 1;
  const uint begin = pc.window != 0 && end > pc.window ? end - pc.window : 0;
  float sums[kColumns];
  for (uint i = 0; i < kColumns; ++i) sums[i] = 0;
  float top = -1e38, total = 0;
  for (uint chunk = begin & ~(kThreads - 1); chunk < end; chunk += kThreads) {
    const uint key = chunk + lane;
    float score = -1e38;
    if (key >= begin && key < end) {
      Words page = Words(pc.pages.at[key >> pc.page_shift]);
      const uint block = block_at(key, kv_head, false), token = key & 15u;
      float dot = 0;
      for (uint d = 0; d < pc.head_dim; ++d) dot += pc.q.at[q + d] * number_at(page, block, d * 16 + token, kWideKeys);
      score = dot * pc.scale;
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
          if (d < pc.head_dim) sums[i] += weight * number_at(page, block, (j & 15u) * pc.head_dim + d, kWideValues);
        }
      }
    }
    barrier();
  }
  const uint y = row * pc.y_stride + head * pc.head_dim;
  for (uint i = 0; i < kColumns; ++i) {
    const uint d = i * kThreads + lane;
    if (d < pc.head_dim) pc.y.at[y + d] = sums[i] / total;
  }
}
