// The functions of an AttentionKernel as templates over the instruction set's F32x16 (include f32x16_<isa>.h first),
// and the table made of them. What depends on how keys and values are stored is behind KvKernel.
//
// Keys are taken in chunks that begin at multiples of kChunkKeys of the absolute position: scores of all rows with the
// chunk, softmax weights row by row, then the weighted values. Softmax is online: a row whose maximum grows is scaled
// down first.
#pragma once

#include "kernels/attention/attention.h"
#include "kernels/attention/rotation.h"
#include "kernels/simd/f32x16_math.h"

namespace runnel {
namespace {

// What rows have summed so far: sum[row] of the weights e^(score - maximum[row]), out[row] of the weighted values.
struct Sums {
  float* out;  // (rows, kv_row_stride(head_dim))
  float* maximum;
  float* sum;
};

static Sums sums_at(float* memory, uint32_t rows, uint32_t head_dim) noexcept {
  float* maximum = memory + size_t{rows} * kv_row_stride(head_dim);
  return {memory, maximum, maximum + rows};
}

// Rows of a tile of tokens with one kv head, token-major: row = (token - first_token) * group + head in group.
struct Unit {
  const AttentionArgs* args;
  uint32_t kv_head;
  uint32_t group;  // query heads of this kv head
  uint32_t first_token;
  uint32_t rows;
  uint32_t stride;                // kv_row_stride(head_dim)
  size_t key_bytes, value_bytes;  // of a block
  // Scratch, which attention_scratch_floats() counts.
  float* q;        // (rows, stride): queries times scale
  float* weights;  // (rows, kChunkKeys): scores, then softmax weights
  float* columns;  // for KvKernel::score
  Sums total, part;

  size_t column(uint32_t row) const noexcept { return size_t{kv_head * group + row % group} * args->head_dim; }
  const float* query(uint32_t row) const noexcept {
    return args->q + (first_token + row / group) * args->q_stride + column(row);
  }
  float* output(uint32_t row) const noexcept {
    return args->out + (first_token + row / group) * args->out_stride + column(row);
  }
  uint32_t keys_end(uint32_t row) const noexcept { return args->first_position + first_token + row / group + 1; }
  uint32_t keys_begin(uint32_t row) const noexcept {
    const uint32_t end = keys_end(row);
    return args->window != 0 && end > args->window ? end - args->window : 0;
  }
};

static Unit unit_of(const AttentionArgs& args, uint32_t kv_head, uint32_t first_token) noexcept {
  Unit unit = {};
  unit.args = &args;
  unit.kv_head = kv_head;
  unit.group = args.heads / args.kv_heads;
  unit.first_token = first_token;
  const uint32_t tile = attention_tile_tokens(unit.group), left = args.tokens - first_token;
  unit.rows = (left < tile ? left : tile) * unit.group;
  unit.stride = kv_row_stride(args.head_dim);
  unit.key_bytes = kv_block_bytes(args.keys->type, args.head_dim);
  unit.value_bytes = kv_block_bytes(args.values->type, args.head_dim);
  unit.q = args.scratch;
  unit.weights = unit.q + size_t{unit.rows} * unit.stride;
  unit.columns = unit.weights + size_t{unit.rows} * kChunkKeys;
  float* sums = unit.columns + size_t{unit.stride} * kKvBlock;
  unit.total = sums_at(sums, unit.rows, args.head_dim);
  unit.part = sums_at(sums + attention_sums_floats(unit.rows, args.head_dim), unit.rows, args.head_dim);
  return unit;
}

static void load_queries(const Unit& unit) noexcept {
  const uint32_t head_dim = unit.args->head_dim;
  for (uint32_t row = 0; row < unit.rows; ++row) {
    const float* from = unit.query(row);
    float* to = unit.q + row * unit.stride;
    for (uint32_t d = 0; d < head_dim; ++d) to[d] = from[d] * unit.args->scale;
    if (unit.args->keys->rotates_keys) rotate_head(to, head_dim);
  }
}

static void scale_row(float* x, uint32_t stride, float factor) noexcept {
  const F32x16 f = F32x16::set1(factor);
  for (uint32_t d = 0; d < stride; d += 16) (F32x16::load(x + d) * f).store(x + d);
}

// Scores of one row with the chunk at position `first` to weights; the row's running maximum and sums follow.
static void softmax_row(const Unit& unit, const Sums& sums, const KvChunk& chunk, uint32_t first,
                        uint32_t row) noexcept {
  const uint32_t keys_begin = unit.keys_begin(row), keys_end = unit.keys_end(row);
  const uint32_t begin = keys_begin > first + chunk.begin ? keys_begin - first : chunk.begin;
  const uint32_t end = keys_end < first + chunk.end ? keys_end - first : chunk.end;
  float* weights = unit.weights + row * kChunkKeys;
  const uint32_t first_block = chunk.begin / kKvBlock, last_block = (chunk.end + kKvBlock - 1) / kKvBlock;
  if (keys_end <= first + begin || begin >= end) {  // the row sees no key of this chunk
    for (uint32_t b = first_block; b < last_block; ++b) F32x16::set1(0).store(weights + b * kKvBlock);
    return;
  }
  // Lanes of block b outside [begin, end) become `other`.
  const auto keep = [&](F32x16 x, uint32_t b, float other) {
    const int from = static_cast<int>(begin) - static_cast<int>(b * kKvBlock);
    const int to = static_cast<int>(end) - static_cast<int>(b * kKvBlock);
    if (from <= 0 && to >= static_cast<int>(kKvBlock)) return x;
    if (to <= 0) return F32x16::set1(other);
    return F32x16::keep(x, from < 0 ? 0 : from, to, other);
  };
  F32x16 score[kChunkBlocks];
  F32x16 highest = F32x16::set1(-__builtin_inff());
  for (uint32_t b = first_block; b < last_block; ++b) {
    score[b] = keep(F32x16::load(weights + b * kKvBlock), b, -__builtin_inff());
    highest = F32x16::max(highest, score[b]);
  }
  const float old_maximum = sums.maximum[row], chunk_maximum = highest.reduce_max();
  float maximum = old_maximum;
  if (chunk_maximum > old_maximum) {
    maximum = chunk_maximum;
    const float factor = exp16_negative(F32x16::set1(old_maximum - maximum)).reduce_max();
    sums.maximum[row] = maximum;
    sums.sum[row] *= factor;
    scale_row(sums.out + row * unit.stride, unit.stride, factor);
  }
  F32x16 total = F32x16::set1(0);
  for (uint32_t b = first_block; b < last_block; ++b) {
    const F32x16 weight = keep(exp16_negative(score[b] - F32x16::set1(maximum)), b, 0);
    total = total + weight;
    weight.store(weights + b * kKvBlock);
  }
  sums.sum[row] += total.reduce_add();
}

static const uint8_t* block_at(const Unit& unit, const KvPlace& place, size_t block_bytes, uint32_t position) noexcept {
  const KvView& kv = unit.args->kv;
  const uint32_t in_page = position & ((1u << kv.page_shift) - 1);
  return kv.pages[position >> kv.page_shift] + place.offset + unit.kv_head * place.head_stride +
         in_page / kKvBlock * block_bytes;
}

// All rows with the keys [begin, end), which lie in one chunk.
static void attend_chunk(const Unit& unit, uint32_t begin, uint32_t end, const Sums& sums) noexcept {
  const AttentionArgs& args = *unit.args;
  const uint32_t first = begin / kChunkKeys * kChunkKeys;
  KvChunk keys = {{}, begin - first, end - first};
  KvChunk values = keys;
  for (uint32_t b = keys.begin / kKvBlock; b * kKvBlock < keys.end; ++b) {
    keys.blocks[b] = block_at(unit, args.kv.keys, unit.key_bytes, first + b * kKvBlock);
    values.blocks[b] = block_at(unit, args.kv.values, unit.value_bytes, first + b * kKvBlock);
  }
  args.keys->score(keys, unit.q, unit.rows, args.head_dim, unit.columns, unit.weights);
  for (uint32_t row = 0; row < unit.rows; ++row) softmax_row(unit, sums, keys, first, row);
  args.values->add(values, unit.weights, unit.rows, args.head_dim, sums.out);
}

// The first key of the first range of a part that ends beyond `key`.
static uint32_t part_begin(uint32_t part, uint32_t key) noexcept {
  const uint32_t range = key / kRangeKeys;
  return (range + (part + kParts - range % kParts) % kParts) * kRangeKeys;
}

// Sums of a part. False, and only zeros, where no row sees a key of it.
static bool attend_part(const Unit& unit, uint32_t part, const Sums& sums) noexcept {
  for (uint32_t row = 0; row < unit.rows; ++row) {
    sums.maximum[row] = -__builtin_inff();
    sums.sum[row] = 0;
  }
  for (size_t i = 0; i < size_t{unit.rows} * unit.stride; i += 16) F32x16::set1(0).store(sums.out + i);
  const uint32_t begin = unit.keys_begin(0), end = unit.keys_end(unit.rows - 1);
  bool any = false;
  for (uint32_t range = part_begin(part, begin); range < end; range += kParts * kRangeKeys) {
    const uint32_t range_end = end - range < kRangeKeys ? end : range + kRangeKeys;
    for (uint32_t key = range > begin ? range : begin; key < range_end;) {
      const uint32_t chunk_end = (key / kChunkKeys + 1) * kChunkKeys;
      const uint32_t next = chunk_end < range_end ? chunk_end : range_end;
      attend_chunk(unit, key, next, sums);
      key = next;
    }
    any = true;
  }
  return any;
}

// Adds what `part` summed to `total`, row by row.
static void merge_sums(const Unit& unit, const Sums& total, const Sums& part) noexcept {
  for (uint32_t row = 0; row < unit.rows; ++row) {
    if (part.sum[row] == 0) continue;  // saw nothing
    const float a = total.maximum[row], b = part.maximum[row], maximum = a > b ? a : b;
    const F32x16 scale_a = exp16_negative(F32x16::set1(a - maximum)),
                 scale_b = exp16_negative(F32x16::set1(b - maximum));
    float* out = total.out + row * unit.stride;
    const float* more = part.out + row * unit.stride;
    for (uint32_t d = 0; d < unit.stride; d += 16)
      F32x16::fma(F32x16::load(out + d), scale_a, F32x16::load(more + d) * scale_b).store(out + d);
    const F32x16 sum = F32x16::fma(F32x16::set1(total.sum[row]), scale_a, F32x16::set1(part.sum[row]) * scale_b);
    total.sum[row] = sum.reduce_max();
    total.maximum[row] = maximum;
  }
}

static void write_out(const Unit& unit, const Sums& sums) noexcept {
  const uint32_t head_dim = unit.args->head_dim;
  for (uint32_t row = 0; row < unit.rows; ++row) {
    const float* from = sums.out + row * unit.stride;
    float* to = unit.output(row);
    const float factor = 1.0f / sums.sum[row];
    for (uint32_t d = 0; d < head_dim; ++d) to[d] = from[d] * factor;
    if (unit.args->values->rotates_values) rotate_head_back(to, head_dim);
  }
}

static void run(const AttentionArgs& args, uint32_t unit_begin, uint32_t unit_end) noexcept {
  const uint32_t tile = attention_tile_tokens(args.heads / args.kv_heads);
  for (uint32_t u = unit_begin; u < unit_end; ++u) {
    const Unit unit = unit_of(args, u % args.kv_heads, u / args.kv_heads * tile);
    load_queries(unit);
    const uint32_t parts = attention_parts(unit.keys_end(unit.rows - 1));
    attend_part(unit, 0, unit.total);
    for (uint32_t part = 1; part < parts; ++part)
      if (attend_part(unit, part, unit.part)) merge_sums(unit, unit.total, unit.part);
    write_out(unit, unit.total);
  }
}

static Sums partial(const Unit& unit, uint32_t part) noexcept {
  const AttentionArgs& args = *unit.args;
  const size_t floats = attention_sums_floats(unit.rows, args.head_dim);
  return sums_at(args.partials + (size_t{part} * args.kv_heads + unit.kv_head) * floats, unit.rows, args.head_dim);
}

static void run_parts(const AttentionArgs& args, uint32_t unit_begin, uint32_t unit_end) noexcept {
  for (uint32_t u = unit_begin; u < unit_end; ++u) {
    const Unit unit = unit_of(args, u % args.kv_heads, 0);
    load_queries(unit);
    const uint32_t part = u / args.kv_heads;
    attend_part(unit, part, partial(unit, part));
  }
}

static void merge(const AttentionArgs& args, uint32_t unit_begin, uint32_t unit_end) noexcept {
  const uint32_t parts = attention_parts(args.first_position + args.tokens);
  for (uint32_t u = unit_begin; u < unit_end; ++u) {
    const Unit unit = unit_of(args, u, 0);
    const Sums total = partial(unit, 0);
    for (uint32_t part = 1; part < parts; ++part) merge_sums(unit, total, partial(unit, part));
    write_out(unit, total);
  }
}

constexpr AttentionKernel attention_table(const char* name, Isa isa) noexcept {
  return {.name = name, .isa = isa, .run = run, .run_parts = run_parts, .merge = merge};
}

}  // namespace
}  // namespace runnel
