#version 460
#extension GL_GOOGLE_include_directive : require
// Writes the keys and values of the step's tokens to their pages, in f16 or f32. A thread is a word of a block, so that
// two numbers of one word are never two threads' business. Groups: x words, y heads (keys, then values), z blocks from
// the first token's on.
#include "common.glsl"
layout(local_size_x_id = 0) in;
#include "kv.glsl"

float clamped(float value) { return clamp(value, -1e30, 1e30); }

// Number `index` of a block whose first token is row `first` of the step (negative: before it), if the step has it.
bool find(uint index, bool values, int first, out uint row, out uint dim) {
  const uint token = values ? index / kHeadDim : index & 15u;
  dim = values ? index % kHeadDim : index >> 4;
  const int at = first + int(token);
  row = uint(at);
  return at >= 0 && at < int(pc.step.tokens);
}

void main() {
  const uint side = gl_WorkGroupID.y + pc.first_head;
  const bool values = side >= pc.kv_heads;
  const uint head = values ? side - pc.kv_heads : side;
  const uint type = values ? kValues : kKeys;
  const uint word = gl_GlobalInvocationID.x;
  if (word >= block_words(type)) return;
  const uint position = (pc.step.first_position & ~15u) + gl_WorkGroupID.z * 16;
  if (position >= pc.step.first_position + pc.step.tokens) return;
  const int first = int(position) - int(pc.step.first_position);
  Floats from = values ? pc.y : pc.q;
  const uint stride = values ? pc.y_stride : pc.q_stride;
  MutableWords page = MutableWords(pc.pages.at[position >> pc.page_shift]);
  const uint at = block_at(position, head, values) + word;
  uint row, dim;
  if (type == kF32) {
    if (find(word, values, first, row, dim))
      page.at[at] = floatBitsToUint(clamped(from.at[row * stride + head * kHeadDim + dim]));
    return;
  }
  uint bits = 0, mask = 0;
  for (uint i = 0; i < 2; ++i) {
    if (!find(2 * word + i, values, first, row, dim)) continue;
    bits |= half_bits(from.at[row * stride + head * kHeadDim + dim]) << 16 * i;
    mask |= 0xffffu << 16 * i;
  }
  if (mask == 0xffffffffu) {
    page.at[at] = bits;
  } else if (mask != 0) {
    page.at[at] = (page.at[at] & ~mask) | bits;
  }
}
