// Keys and values in pages (kernels/attention/kv_block.h): blocks of 16 tokens, keys [dimension][token], values
// [token][dimension], in f16 or f32.
layout(constant_id = 1) const bool kWideKeys = false;    // f32
layout(constant_id = 2) const bool kWideValues = false;

layout(push_constant) uniform Push {
  Floats q;  // kv_store: keys
  Floats y;  // kv_store: values
  Step step;
  Addresses pages;
  uint q_stride;
  uint y_stride;
  uint heads;
  uint kv_heads;
  uint head_dim;
  uint window;
  uint page_shift;
  uint key_offset;  // words from a page's begin
  uint key_head_words;
  uint value_offset;
  uint value_head_words;
  float scale;
} pc;

uint block_words(bool wide) { return wide ? 16 * pc.head_dim : 8 * pc.head_dim; }

// Word of the page where block `position / 16` of a head begins.
uint block_at(uint position, uint head, bool values) {
  const uint block = (position & ((1u << pc.page_shift) - 1)) >> 4;
  return (values ? pc.value_offset + head * pc.value_head_words : pc.key_offset + head * pc.key_head_words) +
         block * block_words(values ? kWideValues : kWideKeys);
}

float number_at(Words page, uint block, uint index, bool wide) {
  if (wide) return uintBitsToFloat(page.at[block + index]);
  const vec2 both = unpackHalf2x16(page.at[block + (index >> 1)]);
  return (index & 1u) != 0 ? both.y : both.x;
}
