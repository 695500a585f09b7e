// attention() of attention.h as a template over the instruction set's F32x16 (include f32x16_<isa>.h first).
//
// Keys are taken in blocks of 16 that begin at multiples of 16 of the absolute position, so that the order of a row's
// sums depends on its position alone. They lie transposed in their page (attention.h): scores come 16 keys at a time
// without a horizontal sum. Keys and values are widened in registers, each for kTileRows rows; where a unit has more
// rows (its tokens times the query heads that share the kv head), a block's keys are widened once, into first-level
// cache. Element is how a key's or value's number lies in its page: uint16_t (float16) or float. Softmax is online: a
// row whose maximum grows is scaled down first.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "kernels/attention/attention.h"
#include "kernels/simd/f32x16_math.h"

namespace runnel {
namespace {

inline constexpr uint32_t kBlockKeys = kKeyBlock;

// Scratch of one unit; attention_scratch_floats() counts it.
struct UnitScratch {
  float* columns;  // (head_dim, 16): the block's keys, widened
  float* weights;  // (blocks, rows, 16): scores, then softmax weights of at most two blocks
  float* maximum;  // (rows)
  float* sum;      // (rows)
};

struct Unit {
  const AttentionArgs* args;
  uint32_t kv_head;
  uint32_t group;        // query heads of this kv head
  uint32_t first_token;  // rows are token-major: row = (token - first_token) * group + head in group
  uint32_t rows;
  UnitScratch scratch;

  uint32_t token(uint32_t row) const noexcept { return first_token + row / group; }
  uint32_t head(uint32_t row) const noexcept { return kv_head * group + row % group; }
  const float* query(uint32_t row) const noexcept {
    return args->q + token(row) * args->q_stride + size_t{head(row)} * args->head_dim;
  }
  float* output(uint32_t row) const noexcept {
    return args->out + token(row) * args->out_stride + size_t{head(row)} * args->head_dim;
  }
  uint32_t keys_begin(uint32_t row) const noexcept {
    const uint32_t end = keys_end(row);
    return args->window != 0 && end > args->window ? end - args->window : 0;
  }
  uint32_t keys_end(uint32_t row) const noexcept { return args->first_position + token(row) + 1; }
};

// One block of keys: [begin, end) are those that some row of the unit sees. What lies in the other lanes, written or
// not, only makes scores that are dropped.
struct Block {
  uint32_t first;       // position of lane 0
  uint32_t begin, end;  // lanes
  float* weights;       // (rows, 16)
};

// 16 values, or the first `count`.
static inline F32x16 load_values(const uint16_t* p) noexcept { return F32x16::load_f16(p); }
static inline F32x16 load_values(const float* p) noexcept { return F32x16::load(p); }
static inline F32x16 load_values(const uint16_t* p, uint32_t count) noexcept { return load_part_f16(p, count); }
static inline F32x16 load_values(const float* p, uint32_t count) noexcept { return load_part(p, count); }
static inline void store_values(const F32x16& x, float* p) noexcept { x.store(p); }
static inline void store_values(const F32x16& x, float* p, uint32_t count) noexcept { store_part(x, p, count); }

// Of a block's first position: its keys, (head_dim, 16), or its first value.
template <class Element>
static const Element* kv_row(const AttentionArgs& args, uint64_t part_offset, uint32_t kv_head,
                             uint32_t position) noexcept {
  const KvView& kv = args.kv;
  const uint32_t in_page = position & ((1u << kv.page_shift) - 1);
  const uint8_t* part = kv.pages[position >> kv.page_shift] + part_offset + kv_head * kv.head_stride;
  return reinterpret_cast<const Element*>(part) + size_t{in_page} * args.head_dim;
}

// Scores of kRows rows with kBlocks blocks of keys: as many independent sums.
template <int kRows, int kBlocks, class Key>
static void score_rows(const Unit& unit, const Block* blocks, const Key* const* keys, uint32_t row) noexcept {
  const uint32_t head_dim = unit.args->head_dim;
  const float* q[kRows];
  F32x16 score[kBlocks][kRows];
  for (int i = 0; i < kRows; ++i) {
    q[i] = unit.query(row + i);
    for (int b = 0; b < kBlocks; ++b) score[b][i] = F32x16::set1(0);
  }
  for (uint32_t d = 0; d < head_dim; ++d) {
    for (int b = 0; b < kBlocks; ++b) {
      const F32x16 column = load_values(keys[b] + size_t{d} * kBlockKeys);
      for (int i = 0; i < kRows; ++i) score[b][i] = F32x16::fma(F32x16::set1(q[i][d]), column, score[b][i]);
    }
  }
  const F32x16 scale = F32x16::set1(unit.args->scale);
  for (int b = 0; b < kBlocks; ++b)
    for (int i = 0; i < kRows; ++i) (score[b][i] * scale).store(blocks[b].weights + (row + i) * kBlockKeys);
}

static void scale_row(float* out, uint32_t head_dim, float factor) noexcept {
  const F32x16 f = F32x16::set1(factor);
  uint32_t d = 0;
  for (; d + 16 <= head_dim; d += 16) (F32x16::load(out + d) * f).store(out + d);
  for (; d < head_dim; ++d) out[d] *= factor;
}

// Scores of one row to weights; the row's running maximum, sum and output follow.
static void softmax_row(const Unit& unit, const Block& block, uint32_t row) noexcept {
  float* weights = block.weights + row * kBlockKeys;
  const uint32_t keys_begin = unit.keys_begin(row), keys_end = unit.keys_end(row);
  const int begin = keys_begin > block.first ? static_cast<int>(keys_begin - block.first) : 0;
  const int end = keys_end < block.first + kBlockKeys ? static_cast<int>(keys_end) - static_cast<int>(block.first)
                                                      : static_cast<int>(kBlockKeys);
  if (begin >= end) {  // the row sees no key of this block
    F32x16::set1(0).store(weights);
    return;
  }
  const F32x16 score = F32x16::keep(F32x16::load(weights), begin, end, -__builtin_inff());
  const float old_maximum = unit.scratch.maximum[row];
  const float block_maximum = score.reduce_max();
  float maximum = old_maximum;
  if (block_maximum > old_maximum) {
    maximum = block_maximum;
    const float factor = exp16(F32x16::set1(old_maximum - maximum)).reduce_max();
    unit.scratch.maximum[row] = maximum;
    unit.scratch.sum[row] *= factor;
    scale_row(unit.output(row), unit.args->head_dim, factor);
  }
  const F32x16 weight = F32x16::keep(exp16(score - F32x16::set1(maximum)), begin, end, 0);
  unit.scratch.sum[row] += weight.reduce_add();
  weight.store(weights);
}

// out[i][d ..] += sum over the block's keys j of weights[i][j] * values[j][d ..], for kChunks times 16 d or, with a
// count, fewer than 16. Values of one key are head_dim apart from the next one's.
template <int kRows, int kChunks, class Element, class... Count>
static inline void add_values_at(const Block& block, const float* weights, const Element* values, size_t head_dim,
                                 float* const* out, uint32_t d, Count... count) noexcept {
  F32x16 sum[kChunks][kRows];
  for (int c = 0; c < kChunks; ++c)
    for (int i = 0; i < kRows; ++i) sum[c][i] = load_values(static_cast<const float*>(out[i]) + d + 16 * c, count...);
  const Element* value = values + block.begin * head_dim + d;
  for (uint32_t j = block.begin; j < block.end; ++j, value += head_dim) {
    for (int c = 0; c < kChunks; ++c) {
      const F32x16 part = load_values(value + 16 * c, count...);
      for (int i = 0; i < kRows; ++i)
        sum[c][i] = F32x16::fma(F32x16::set1(weights[size_t(i) * kBlockKeys + j]), part, sum[c][i]);
    }
  }
  for (int c = 0; c < kChunks; ++c)
    for (int i = 0; i < kRows; ++i) store_values(sum[c][i], out[i] + d + 16 * c, count...);
}

// Few rows take several chunks at a time, so that there are always kTileRows independent sums.
template <int kRows, class Element>
static void add_values(const Unit& unit, const Block& block, const Element* values, uint32_t row) noexcept {
  constexpr int kChunks = kTileRows / kRows;
  const uint32_t head_dim = unit.args->head_dim;
  const float* weights = block.weights + row * kBlockKeys;
  float* out[kRows];
  for (int i = 0; i < kRows; ++i) out[i] = unit.output(row + i);
  uint32_t d = 0;
  for (; d + 16 * kChunks <= head_dim; d += 16 * kChunks)
    add_values_at<kRows, kChunks>(block, weights, values, head_dim, out, d);
  for (; d + 16 <= head_dim; d += 16) add_values_at<kRows, 1>(block, weights, values, head_dim, out, d);
  if (d < head_dim) add_values_at<kRows, 1>(block, weights, values, head_dim, out, d, head_dim - d);
}

// All rows through step<n>(row) with n as large as kTileRows, the rest with smaller ones.
template <int kRows, class Step>
static uint32_t rows_by(uint32_t row, uint32_t rows, const Step& step) noexcept {
  for (; row + kRows <= rows; row += kRows) step.template operator()<kRows>(row);
  if constexpr (kRows > 1) row = rows_by<kRows / 2>(row, rows, step);
  return row;
}

// Scores of all rows of the unit with kBlocks blocks.
template <int kBlocks, class Element>
static void score_blocks(const Unit& unit, const Block* blocks) noexcept {
  const Element* keys[kBlocks];
  for (int b = 0; b < kBlocks; ++b)
    keys[b] = kv_row<Element>(*unit.args, unit.args->kv.k_offset, unit.kv_head, blocks[b].first);
  rows_by<kTileRows>(0, unit.rows,
                     [&]<int kRows>(uint32_t row) { score_rows<kRows, kBlocks>(unit, blocks, keys, row); });
}

// One block, widened for many rows.
template <class Element>
static void score_widened(const Unit& unit, const Block& block) noexcept {
  const Element* keys = kv_row<Element>(*unit.args, unit.args->kv.k_offset, unit.kv_head, block.first);
  const uint32_t head_dim = unit.args->head_dim;
  float* columns = unit.scratch.columns;
  for (uint32_t d = 0; d < head_dim; ++d)
    load_values(keys + size_t{d} * kBlockKeys).store(columns + size_t{d} * kBlockKeys);
  rows_by<kTileRows>(0, unit.rows, [&]<int kRows>(uint32_t row) { score_rows<kRows, 1>(unit, &block, &columns, row); });
}

template <class Element>
static void add_block(const Unit& unit, const Block& block) noexcept {
  const Element* values = kv_row<Element>(*unit.args, unit.args->kv.v_offset, unit.kv_head, block.first);
  for (uint32_t row = 0; row < unit.rows; ++row) softmax_row(unit, block, row);
  rows_by<kTileRows>(0, unit.rows, [&]<int kRows>(uint32_t row) { add_values<kRows>(unit, block, values, row); });
}

template <class Element>
static void attend_unit(const Unit& unit) noexcept {
  const AttentionArgs& args = *unit.args;
  for (uint32_t row = 0; row < unit.rows; ++row) {
    unit.scratch.maximum[row] = -__builtin_inff();
    unit.scratch.sum[row] = 0;
    float* out = unit.output(row);
    for (uint32_t d = 0; d < args.head_dim; ++d) out[d] = 0;
  }
  const uint32_t begin = unit.keys_begin(0), end = unit.keys_end(unit.rows - 1);
  const auto block_at = [&](uint32_t first, float* weights) {
    return Block{first, first < begin ? begin - first : 0, end - first < kBlockKeys ? end - first : kBlockKeys,
                 weights};
  };
  const bool widen = sizeof(Element) < sizeof(float) && unit.rows > kTileRows;
  for (uint32_t first = begin / kBlockKeys * kBlockKeys; first < end;) {
    const Block blocks[2] = {block_at(first, unit.scratch.weights),
                             block_at(first + kBlockKeys, unit.scratch.weights + unit.rows * kBlockKeys)};
    first += kBlockKeys;
    if (widen) {
      score_widened<Element>(unit, blocks[0]);
    } else if (kTileBlocks == 1 || first >= end) {
      score_blocks<1, Element>(unit, blocks);
    } else {
      score_blocks<kTileBlocks, Element>(unit, blocks);
      add_block<Element>(unit, blocks[0]);
      add_block<Element>(unit, blocks[1]);
      first += kBlockKeys;
      continue;
    }
    add_block<Element>(unit, blocks[0]);
  }
  for (uint32_t row = 0; row < unit.rows; ++row)
    scale_row(unit.output(row), args.head_dim, 1.0f / unit.scratch.sum[row]);
}

template <class Element>
static void attend(const AttentionArgs& args, uint32_t unit_begin, uint32_t unit_end) noexcept {
  Unit unit = {};
  unit.args = &args;
  unit.group = args.heads / args.kv_heads;
  const size_t most_rows = size_t{unit.group} * kAttentionTileTokens;
  unit.scratch.columns = args.scratch;
  unit.scratch.weights = unit.scratch.columns + size_t{args.head_dim} * kBlockKeys;
  unit.scratch.maximum = unit.scratch.weights + 2 * most_rows * kBlockKeys;
  unit.scratch.sum = unit.scratch.maximum + most_rows;
  for (uint32_t u = unit_begin; u < unit_end; ++u) {
    unit.kv_head = u % args.kv_heads;
    unit.first_token = u / args.kv_heads * kAttentionTileTokens;
    const uint32_t left = args.tokens - unit.first_token;
    unit.rows = (left < kAttentionTileTokens ? left : kAttentionTileTokens) * unit.group;
    attend_unit<Element>(unit);
  }
}

}  // namespace
}  // namespace runnel
