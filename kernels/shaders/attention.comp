#version 460
#extension GL_GOOGLE_include_directive : require
// Grouped-query attention. A work group takes up to kRows rows (token and head) of one kv head, which share every read of
// a key or value: chunks of as many keys as there are threads, a key a thread for the scores, a dimension a thread for
// the sums, online softmax between chunks.
//
// As on the CPU (kernels/attention/attention.h) keys are cut into ranges of 256, dealt out to 16 parts; a part is summed
// by itself, and parts are merged in their order. With kSplit a work group takes one of pc.parts parts alone and
// attention_merge.comp merges them: the same bits. Groups: x rows, with kSplit times parts, y kv heads.
#include "common.glsl"
layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint kThreads = 64;  // a multiple of 16 that divides a range
#include "kv.glsl"
#include "kv_load.glsl"
layout(constant_id = 4) const uint kRows = 1;
layout(constant_id = 5) const bool kSplit = false;

shared float numbers[kRows * kHeadDim];  // queries, then outputs
shared float weights[kRows * kThreads];
shared float eighths[kRows * 8], joined[kRows];  // of a row of weights: the largest, or the sum
shared float value_scales[kGroups * kThreads];
#include "rotation.glsl"
#include "attention_sums.glsl"

uint kv_head;
uint row_begin[kRows], row_end[kRows];  // keys that a row sees
float scores[kRows];                    // with this thread's key

void score_rows(uint key) {
  Words page = Words(pc.pages.at[key >> pc.page_shift]);
  const uint block = block_at(key, kv_head, false), token = key & 15u;
  for (uint r = 0; r < kRows; ++r) scores[r] = 0;
  if (kKeys < kQ8) {
    for (uint d = 0; d < kHeadDim; ++d) {
      const float x = float_at(page, block, d * 16 + token, kKeys);
      for (uint r = 0; r < kRows; ++r) scores[r] = fma(numbers[r * kHeadDim + d], x, scores[r]);
    }
    return;
  }
  for (uint group = 0; group < kGroups; ++group) {
    float dots[kRows];
    for (uint r = 0; r < kRows; ++r) dots[r] = 0;
    const uint n = group_size(group), bytes = packed_bytes(kKeys, n), first = 32 * group;
    const uint base = block + 8 * kGroups + 4 * packed_bytes(kKeys, first);
    for (uint i = 0; i < bytes; ++i) {
      const uint both = byte_at(page, base, i * 16 + token);
      const float low = kKeys == kQ8 ? signed_byte(both) : level(both & 15u);
      for (uint r = 0; r < kRows; ++r) dots[r] = fma(numbers[r * kHeadDim + first + i], low, dots[r]);
      if (kKeys == kQ8 || bytes + i >= n) continue;
      const float high = level(both >> 4);
      for (uint r = 0; r < kRows; ++r) dots[r] = fma(numbers[r * kHeadDim + first + bytes + i], high, dots[r]);
    }
    const float scale = half_at(page, block, group * 16 + token);
    for (uint r = 0; r < kRows; ++r) scores[r] = fma(dots[r], scale, scores[r]);
  }
}

// joined[row] = the sum of a row of weights, or the largest.
void join_weights(bool adds) {
  const uint lane = gl_LocalInvocationID.x;
  barrier();
  for (uint i = lane; i < kRows * 8; i += kThreads) {
    const uint row = i / 8 * kThreads;
    float all = weights[row + i % 8];
    for (uint k = i % 8 + 8; k < kThreads; k += 8) all = adds ? all + weights[row + k] : max(all, weights[row + k]);
    eighths[i] = all;
  }
  barrier();
  if (lane < kRows) {
    float all = eighths[lane * 8];
    for (uint i = 1; i < 8; ++i) all = adds ? all + eighths[lane * 8 + i] : max(all, eighths[lane * 8 + i]);
    joined[lane] = all;
  }
  barrier();
}

// Keys [begin, end) of the chunk that begins at `first`.
void attend_chunk(uint first, uint begin, uint end) {
  const uint lane = gl_LocalInvocationID.x, key = first + lane;
  if (key >= begin && key < end) {
    score_rows(key);
    if (kValues >= kQ8) {
      Words page = Words(pc.pages.at[key >> pc.page_shift]);
      const uint block = block_at(key, kv_head, true);
      for (uint group = 0; group < kGroups; ++group)
        value_scales[group * kThreads + lane] = half_at(page, block, group * 16 + (key & 15u));
    }
  }
  bool seen[kRows];
  for (uint r = 0; r < kRows; ++r) {
    seen[r] = key >= max(begin, row_begin[r]) && key < min(end, row_end[r]);
    weights[r * kThreads + lane] = seen[r] ? scores[r] : kLowest;
  }
  join_weights(false);
  for (uint r = 0; r < kRows; ++r) {
    const float highest = max(part_top[r], joined[r]);
    const float shrink = highest == part_top[r] ? 1.0 : exp(part_top[r] - highest);
    const float weight = seen[r] ? exp(scores[r] - highest) : 0.0;
    weights[r * kThreads + lane] = weight;
    part_top[r] = highest;
    part_total[r] = fma(part_total[r], shrink, weight);  // this thread's keys alone
    for (uint i = r * kColumns; i < (r + 1) * kColumns; ++i) part_sums[i] *= shrink;
  }
  barrier();
  for (uint j = begin; j < end;) {
    Words page = Words(pc.pages.at[j >> pc.page_shift]);
    const uint block = block_at(j, kv_head, true), block_end = min((j | 15u) + 1, end);
    for (; j < block_end; ++j) {
      for (uint i = 0; i < kColumns; ++i) {
        const uint d = i * kThreads + lane;
        if (d >= kHeadDim) continue;
        float value;
        if (kValues < kQ8) {
          value = float_at(page, block, (j & 15u) * kHeadDim + d, kValues);
        } else {
          value = quant_at(page, block + 8 * kGroups, (j & 15u) * packed_bytes(kValues, kHeadDim), d, kValues) *
                  value_scales[(d >> 5) * kThreads + (j - first)];
        }
        for (uint r = 0; r < kRows; ++r)
          part_sums[r * kColumns + i] = fma(weights[r * kThreads + (j - first)], value, part_sums[r * kColumns + i]);
      }
    }
  }
  barrier();
}

// A part of the keys [begin, end).
void attend_part(uint part, uint begin, uint end) {
  clear_part();
  const uint lane = gl_LocalInvocationID.x, range = begin / kRangeKeys;
  uint first = (range + (part + kParts - range % kParts) % kParts) * kRangeKeys;
  if (first >= end) return;
  for (; first < end; first += kParts * kRangeKeys) {
    const uint from = max(first, begin), to = min(first + kRangeKeys, end);
    for (uint chunk = from & ~(kThreads - 1); chunk < to; chunk += kThreads)
      attend_chunk(chunk, max(chunk, from), min(chunk + kThreads, to));
  }
  for (uint r = 0; r < kRows; ++r) weights[r * kThreads + lane] = part_total[r];
  join_weights(true);
  for (uint r = 0; r < kRows; ++r) part_total[r] = joined[r];
  barrier();
}

void main() {
  kv_head = gl_WorkGroupID.y;
  const uint lane = gl_LocalInvocationID.x, group = pc.heads / pc.kv_heads;
  const uint tile = kSplit ? gl_WorkGroupID.x / pc.parts : gl_WorkGroupID.x;
  const uint all_rows = pc.step.tokens * group, first_row = tile * kRows, count = min(all_rows - first_row, kRows);
  uint tokens[kRows], heads[kRows];
  for (uint r = 0; r < kRows; ++r) {
    const uint row = min(first_row + r, all_rows - 1);
    tokens[r] = row / group;
    heads[r] = kv_head * group + row % group;
    row_end[r] = pc.step.first_position + tokens[r] + 1;
    row_begin[r] = pc.window != 0 && row_end[r] > pc.window ? row_end[r] - pc.window : 0;
    for (uint d = lane; d < kHeadDim; d += kThreads) {
      const float x = pc.q.at[tokens[r] * pc.q_stride + heads[r] * kHeadDim + d] * pc.scale;
      numbers[r * kHeadDim + d] = kKeys < kQ8 ? x : x * rotation_sign(d);
    }
  }
  barrier();
  if (kKeys >= kQ8) transform(kRows * kHeadDim);
  const uint begin = row_begin[0], end = row_end[kRows - 1];

  if (kSplit) {
    const uint part = gl_WorkGroupID.x % pc.parts;
    attend_part(part, begin, end);
    for (uint r = 0; r < count; ++r) {
      const uint at = partial_at(tokens[r], heads[r], part);
      for (uint i = 0; i < kColumns; ++i) {
        const uint d = i * kThreads + lane;
        if (d < kHeadDim) pc.partials.at[at + d] = part_sums[r * kColumns + i];
      }
      if (lane == 0) {
        pc.partials.at[at + kHeadDim] = part_top[r];
        pc.partials.at[at + kHeadDim + 1] = part_total[r];
      }
    }
    return;
  }
  clear_sums();
  const uint parts = min((end + kRangeKeys - 1) / kRangeKeys, kParts);
  for (uint part = 0; part < parts; ++part) {
    attend_part(part, begin, end);
    merge_part();
  }
  for (uint r = 0; r < kRows; ++r) places[r] = tokens[r] * pc.y_stride + heads[r] * kHeadDim;
  write_out(count);
}
