// Grouped-query attention over paged key/value state, online softmax.
//
//   out[t][h] = sum over j of softmax_j(scale * q[t][h] . k[j][h / group]) * v[j][h / group]
//
// for the tokens j that row t may see: j <= position(t), and j > position(t) - window where there is a window.
// Kernels take a slice, never allocate, start no thread and cannot fail.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "kernels/isa.h"
#include "runnel/types.h"

namespace runnel {

// Keys lie transposed in blocks of this many tokens: a score's sum runs over head_dim, so that one load gives the same
// dimension of 16 keys, each in a lane of its own.
inline constexpr uint32_t kKeyBlock = 16;
inline constexpr uint32_t kMinPageShift = 4;  // a page holds whole blocks

// One layer's view of a sequence's pages. A page holds `page_tokens` tokens of every layer of its pool; within it a
// layer's part begins at k_offset / v_offset and is laid out in KvType: values [kv_head][token in page][head_dim], keys
// [kv_head][block of tokens][head_dim][token in block].
struct KvView {
  uint8_t* const* pages;  // page i holds tokens [i * page_tokens, (i + 1) * page_tokens). Borrowed for the step.
  uint32_t page_shift;    // log2 of page_tokens, at least kMinPageShift
  KvType type;
  uint64_t k_offset;     // bytes from the page's begin to this layer's keys
  uint64_t v_offset;     // ... values
  uint64_t head_stride;  // bytes between kv heads inside a part (page_tokens * head_dim * element bytes)
};

struct AttentionArgs {
  const float* q;  // (tokens, heads * head_dim), rows q_stride floats apart
  size_t q_stride;
  float* out;  // (tokens, heads * head_dim), rows out_stride floats apart; must not alias q
  size_t out_stride;
  KvView kv;                 // already holds the keys and values of all visible tokens, this step's included
  uint32_t first_position;   // position of row 0; row t is at first_position + t
  uint32_t tokens;           // rows
  uint32_t heads, kv_heads;  // heads is a multiple of kv_heads
  uint32_t head_dim;         // 1..kMaxHeadDim
  float scale;               // usually 1 / sqrt(head_dim)
  uint32_t window;           // tokens visible including the own one; 0: all before
  float* scratch;            // attention_scratch_floats() of this worker; 64-byte aligned
};

// Work is cut into units = kv_heads * ceil(tokens / kAttentionTileTokens); unit u covers kv head u % kv_heads and token
// tile u / kv_heads. Each output row is computed by one unit, in an order that depends on its position alone.
inline constexpr uint32_t kAttentionTileTokens = 16;
constexpr uint32_t attention_units(uint32_t tokens, uint32_t kv_heads) noexcept {
  return (tokens + kAttentionTileTokens - 1) / kAttentionTileTokens * kv_heads;
}
size_t attention_scratch_floats(uint32_t heads, uint32_t kv_heads, uint32_t head_dim) noexcept;

// Bytes of one number in a page.
constexpr uint32_t kv_element_bytes(KvType kv) noexcept { return kv == KvType::f32 ? 4 : 2; }

using AttentionFn = void (*)(const AttentionArgs&, uint32_t unit_begin, uint32_t unit_end) noexcept;
struct AttentionKernel {
  const char* name;  // attention_<kv type>_<isa>
  AttentionFn run;
  Isa isa;
  KvType kv;
};
#define ATTENTION_KERNEL(isa, kv) \
  RUNNEL_ONLY_##isa(              \
      void attention_##kv##_##isa(const AttentionArgs& args, uint32_t unit_begin, uint32_t unit_end) noexcept;)
#include "kernels/attention/attention.inc"
#undef ATTENTION_KERNEL

// First row of attention.inc that fits; never null for a registered KvType (each ends in a scalar row).
const AttentionKernel* choose_attention(KvType kv, Isa isa) noexcept;

// Row `index` of attention.inc as built for this architecture, null past the last: for tests and benchmarks.
const AttentionKernel* attention_kernel(uint32_t index) noexcept;

// Write one token's keys or values of all kv heads, clamped to finite numbers of KvType, to their places. `x` is
// kv_heads * head_dim floats, head_dim at most kMaxHeadDim.
inline constexpr uint32_t kMaxHeadDim = 512;
struct VectorOps;
void store_keys(const VectorOps& vector, const KvView& kv, uint32_t position, const float* x, uint32_t kv_heads,
                uint32_t head_dim) noexcept;
void store_values(const VectorOps& vector, const KvView& kv, uint32_t position, const float* x, uint32_t kv_heads,
                  uint32_t head_dim) noexcept;

}  // namespace runnel
