// Grouped-query attention over paged key/value state, online softmax.
//
//   out[t][h] = sum over j of softmax_j(scale * q[t][h] . k[j][h / group]) * v[j][h / group]
//
// for the tokens j that row t may see: j <= position(t), and j > position(t) - window where there is a window.
// Kernels take a slice, never allocate, start no thread and cannot fail.
//
// Keys are cut into ranges of kRangeKeys at multiples of that number, dealt out to kParts parts in turn. A part is
// summed by itself and parts are merged in their order, always: so a step of few tokens can hand out its parts as work
// of their own (run_parts, then merge) and gives the same bits as whole units. What a row gives depends on its position
// alone, not on pages, threads or the other rows of its step.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "kernels/attention/kv_kernel.h"
#include "kernels/isa.h"
#include "runnel/types.h"

namespace runnel {

// Where a layer's keys, or its values, lie in every page: head_stride bytes for each kv head, in which block after
// block of tokens (kv_block.h) follow each other.
struct KvPlace {
  uint64_t offset;       // bytes from the page's begin
  uint64_t head_stride;  // page_tokens / kKvBlock * kv_block_bytes()
};

// One layer's view of a sequence's pages. A page holds `page_tokens` tokens of every layer of its pool.
struct KvView {
  uint8_t* const* pages;  // page i holds tokens [i * page_tokens, (i + 1) * page_tokens). Borrowed for the step.
  uint32_t page_shift;    // log2 of page_tokens, at least kMinPageShift
  KvPlace keys, values;
};

struct AttentionArgs {
  const float* q;  // (tokens, heads * head_dim), rows q_stride floats apart
  size_t q_stride;
  float* out;  // (tokens, heads * head_dim), rows out_stride floats apart; must not alias q
  size_t out_stride;
  KvView kv;                 // already holds the keys and values of all visible tokens, this step's included
  const KvKernel* keys;      // how they are stored
  const KvKernel* values;    // ...
  uint32_t first_position;   // position of row 0; row t is at first_position + t
  uint32_t tokens;           // rows
  uint32_t heads, kv_heads;  // heads is a multiple of kv_heads
  uint32_t head_dim;         // 1..kMaxHeadDim
  float scale;               // usually 1 / sqrt(head_dim)
  uint32_t window;           // tokens visible including the own one; 0: all before
  float* scratch;            // attention_scratch_floats() of this worker; 64-byte aligned
  float* partials;           // run_parts() and merge(): attention_partial_floats(), 64-byte aligned
};

inline constexpr uint32_t kRangeKeys = 256;
inline constexpr uint32_t kParts = 16;
inline constexpr uint32_t kSplitTokens = 4;  // most tokens of a step whose parts may be handed out

// Tokens that are taken together: few enough that their rows (times the query heads of a kv head) stay in cache.
constexpr uint32_t attention_tile_tokens(uint32_t group) noexcept {
  return group <= 4 ? 16 : group >= 64 ? 1 : 64 / group;
}
// Work is cut into units: unit u is kv head u % kv_heads with token tile u / kv_heads (run), with part u / kv_heads
// (run_parts), or alone (merge).
constexpr uint32_t attention_units(uint32_t tokens, uint32_t heads, uint32_t kv_heads) noexcept {
  const uint32_t tile = attention_tile_tokens(heads / kv_heads);
  return (tokens + tile - 1) / tile * kv_heads;
}
// Parts that hold keys of a sequence of so many tokens.
constexpr uint32_t attention_parts(uint32_t length) noexcept {
  return length > kRangeKeys * (kParts - 1) ? kParts : (length + kRangeKeys - 1) / kRangeKeys;
}
// Most tokens of a step whose parts may be handed out.
constexpr uint32_t attention_split_tokens(uint32_t heads, uint32_t kv_heads) noexcept {
  const uint32_t tile = attention_tile_tokens(heads / kv_heads);
  return tile < kSplitTokens ? tile : kSplitTokens;
}
// Sums of rows, (rows, kv_row_stride(head_dim)), their maxima and their weights' sums.
constexpr size_t attention_sums_floats(uint32_t rows, uint32_t head_dim) noexcept {
  return (size_t{rows} * (kv_row_stride(head_dim) + 2) + 15) & ~size_t{15};
}
size_t attention_scratch_floats(uint32_t heads, uint32_t kv_heads, uint32_t head_dim) noexcept;
// Of a step of `tokens` <= attention_split_tokens(), all parts.
size_t attention_partial_floats(uint32_t tokens, uint32_t heads, uint32_t kv_heads, uint32_t head_dim) noexcept;

struct AttentionKernel {
  const char* name;  // attention_<isa>
  Isa isa;
  // Units [unit_begin, unit_end) of attention_units().
  void (*run)(const AttentionArgs& args, uint32_t unit_begin, uint32_t unit_end) noexcept;
  // The same in two phases: of attention_parts() * kv_heads units, then, when all are done, of kv_heads units.
  void (*run_parts)(const AttentionArgs& args, uint32_t unit_begin, uint32_t unit_end) noexcept;
  void (*merge)(const AttentionArgs& args, uint32_t unit_begin, uint32_t unit_end) noexcept;
};

// First row of attention.inc that fits; each architecture ends in a scalar one.
const AttentionKernel& choose_attention(Isa isa) noexcept;
// Row `index` of attention.inc as built for this architecture, null past the last: for tests and benchmarks.
const AttentionKernel* attention_kernel(uint32_t index) noexcept;

// Write one token's keys or values of all kv heads to their places. `x` is kv_heads * head_dim floats.
void store_keys(const KvKernel& keys, const KvView& kv, uint32_t position, const float* x, uint32_t kv_heads,
                uint32_t head_dim) noexcept;
void store_values(const KvKernel& values, const KvView& kv, uint32_t position, const float* x, uint32_t kv_heads,
                  uint32_t head_dim) noexcept;

}  // namespace runnel
