// Keys and values in pages (kernels/attention/kv_block.h): blocks of 16 tokens, keys [dimension][token], values
// [token][dimension]; quantised ones behind their scales, [group][token].
layout(constant_id = 1) const uint kKeys = 0;  // KvType
layout(constant_id = 2) const uint kValues = 0;
layout(constant_id = 3) const uint kHeadDim = 64;

const uint kF32 = 1;
const uint kQ8 = 2;  // from here on quantised
const uint kQ4 = 3;
const uint kGroups = (kHeadDim + 31) / 32;

layout(push_constant) uniform Push {
  Floats q;  // what stores: keys
  Floats y;  // what stores: values
  Step step;
  Addresses pages;
  Floats partials;  // attention_sums.glsl
  uint q_stride;
  uint y_stride;
  uint heads;
  uint kv_heads;
  uint window;
  uint page_shift;
  uint key_offset;  // words from a page's begin
  uint key_head_words;
  uint value_offset;
  uint value_head_words;
  uint parts;       // that are handed out
  uint first_head;  // what stores: of the keys' heads, then the values'
  float scale;
  float rotation;  // what makes the rotation orthogonal
} pc;

uint group_size(uint group) { return min(kHeadDim - 32 * group, 32u); }

// Bytes of one token's numbers of the first `dims` dimensions: a multiple of 32, or all.
uint packed_bytes(uint type, uint dims) { return type == kQ4 ? (dims + 1) / 2 : dims; }

uint block_words(uint type) {
  if (type < kQ8) return type == kF32 ? 16 * kHeadDim : 8 * kHeadDim;
  return 8 * kGroups + 4 * packed_bytes(type, kHeadDim);
}

// Word of the page where block `position / 16` of a head begins.
uint block_at(uint position, uint head, bool values) {
  const uint block = (position & ((1u << pc.page_shift) - 1)) >> 4;
  return (values ? pc.value_offset + head * pc.value_head_words : pc.key_offset + head * pc.key_head_words) +
         block * block_words(values ? kValues : kKeys);
}

// A level of q4 (kernels/attention/kv_q4.h).
float level(uint index) {
  const uint low = index < 4 ? 0xbfad9881u : 0xf6eaddcfu, high = index < 12 ? 0x26190d01u : 0x71594535u;
  return float(bitfieldExtract(int(index < 8 ? low : high), int(8 * (index & 3u)), 8));
}
