// What attention does with one storage type of keys and values on one instruction set: scores of rows with a chunk of
// keys, sums of a chunk of values, and writing a token's. A row of kv.inc each.
//
// Functions take operands, never allocate, start no thread and cannot fail. Any thread.
#pragma once

#include "kernels/attention/kv_block.h"
#include "kernels/isa.h"

namespace runnel {

// Keys are taken by so many at a time, from multiples of that number of the absolute position.
inline constexpr uint32_t kChunkBlocks = 4;
inline constexpr uint32_t kChunkKeys = kChunkBlocks * kKvBlock;

// Floats from row to row of queries and of sums.
constexpr uint32_t kv_row_stride(uint32_t head_dim) noexcept { return (head_dim + 15) & ~15u; }

// A chunk of one kv head. [begin, end) are the keys that some row sees: the blocks they lie in are there, and what lies
// beside them in these blocks may be anything.
struct KvChunk {
  const uint8_t* blocks[kChunkBlocks];
  uint32_t begin, end;
};

struct KvKernel {
  const char* name;  // kv_<type>_<isa>
  Isa isa;
  KvType type;
  bool rotates_keys;    // keys are stored rotated (rotation.h): queries are to be
  bool rotates_values;  // values are: sums are to be turned back
  // scores[row][key] = q[row] . key, kChunkKeys floats from row to row, for the chunk's blocks: anything beside its
  // keys. `columns`: room for head_dim * kKvBlock floats. The order of a score's sum depends on nothing but head_dim.
  void (*score)(const KvChunk& chunk, const float* q, uint32_t rows, uint32_t head_dim, float* columns,
                float* scores) noexcept;
  // out[row] += sum of weights[row][key] * value[key] over the chunk's keys, in their order.
  void (*add)(const KvChunk& chunk, const float* weights, uint32_t rows, uint32_t head_dim, float* out) noexcept;
  // One token of a block, clamped to finite numbers of the type.
  void (*store_key)(const float* x, uint32_t head_dim, uint32_t token, uint8_t* block) noexcept;
  void (*store_value)(const float* x, uint32_t head_dim, uint32_t token, uint8_t* block) noexcept;
};

// First row of kv.inc that fits; never null for a type of KvType (each ends in a scalar row).
const KvKernel* choose_kv(KvType type, Isa isa) noexcept;
// Row `index` of kv.inc as built for this architecture, null past the last: for tests and benchmarks.
const KvKernel* kv_kernel(uint32_t index) noexcept;

}  // namespace runnel
