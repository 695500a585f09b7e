// The functions of a KvKernel for quantised types, as templates over the instruction set's F32x16 (include
// f32x16_<isa>.h and kv_<type>.h first), and the table made of them.
//
// A token's numbers are small integers in groups of kKvGroup along the head, each group with a scale of its own, so
// that a token is quantised when it arrives and never again. Scores: the integers are widened and summed group by
// group, 16 keys in 16 lanes; one multiply-add by the 16 scales closes a group. Values: the scales go into the weights
// first, 16 keys at a time.
//
// Type: kType, kHalves (how many runs of dimensions a group's bytes hold: 1, or the two nibbles' 2), at<>() as in
// kv_sums.h over bytes of 16 numbers, kRotateKeys and kRotateValues, quantise().
#pragma once

#include "kernels/attention/kv_f32.h"
#include "kernels/attention/kv_sums.h"
#include "kernels/attention/rotation.h"

namespace runnel {
namespace {

// A group of a block's keys: the columns' begin, and where the scales of 16 tokens are.
struct GroupSource {
  const uint8_t* columns;
  const uint16_t* scales;
};

static uint32_t group_size(uint32_t head_dim, uint32_t group) noexcept {
  const uint32_t left = head_dim - group * kKvGroup;
  return left < kKvGroup ? left : kKvGroup;
}
static const uint16_t* scales_of(const uint8_t* block, uint32_t group) noexcept {
  return reinterpret_cast<const uint16_t*>(block) + group * kKvBlock;
}

// Scores, or with `more` what a group adds to them, of rows whose q begins at the group's first dimension.
template <class Column, int kHalves, uint32_t kColumnBytes, int kRows, int kBlocks>
static inline void score_group(const GroupSource* source, const float* q, uint32_t stride, uint32_t n, bool more,
                               float* scores) noexcept {
  F32x16 sum[kBlocks][kRows];
  const uint8_t* columns[kBlocks];
  for (int b = 0; b < kBlocks; ++b) {
    columns[b] = source[b].columns;
    for (int i = 0; i < kRows; ++i) sum[b][i] = F32x16::set1(0);
  }
  const uint32_t first = kHalves == 2 ? (n + 1) / 2 : n;
  add_dots<Column, 0, kColumnBytes>(columns, q, stride, first, sum);
  if constexpr (kHalves == 2) add_dots<Column, 1, kColumnBytes>(columns, q + first, stride, n - first, sum);
  for (int b = 0; b < kBlocks; ++b) {
    const F32x16 scale = F32x16::load_f16(source[b].scales);
    for (int i = 0; i < kRows; ++i) {
      float* to = scores + i * kChunkKeys + b * kKvBlock;
      const F32x16 before = more ? F32x16::load(to) : F32x16::set1(0);
      F32x16::fma(sum[b][i], scale, before).store(to);
    }
  }
}

template <class Type, int kRows, int kBlocks>
static void score_rows(const uint8_t* const* blocks, const float* q, uint32_t head_dim, float* scores) noexcept {
  for (uint32_t g = 0; g < kv_groups(head_dim); ++g) {
    GroupSource source[kBlocks];
    for (int b = 0; b < kBlocks; ++b)
      source[b] = {blocks[b] + kv_scale_bytes(head_dim) + kKvBlock * kv_packed_bytes(Type::kType, g * kKvGroup),
                   scales_of(blocks[b], g)};
    score_group<Type, Type::kHalves, kKvBlock, kRows, kBlocks>(source, q + g * kKvGroup, kv_row_stride(head_dim),
                                                               group_size(head_dim, g), g != 0, scores);
  }
}

// The same with one block whose columns are widened.
template <int kRows>
static void score_widened(const uint8_t* block, const float* columns, const float* q, uint32_t head_dim,
                          float* scores) noexcept {
  for (uint32_t g = 0; g < kv_groups(head_dim); ++g) {
    const GroupSource source = {reinterpret_cast<const uint8_t*>(columns + g * kKvGroup * kKvBlock),
                                scales_of(block, g)};
    score_group<KvF32, 1, kKvBlock * sizeof(float), kRows, 1>(&source, q + g * kKvGroup, kv_row_stride(head_dim),
                                                              group_size(head_dim, g), g != 0, scores);
  }
}

template <class Type>
static void widen_keys(const uint8_t* block, uint32_t head_dim, float* columns) noexcept {
  const uint8_t* packed = block + kv_scale_bytes(head_dim);
  for (uint32_t g = 0; g < kv_groups(head_dim); ++g) {
    const uint32_t n = group_size(head_dim, g), rows = Type::kHalves == 2 ? (n + 1) / 2 : n;
    for (uint32_t r = 0; r < rows; ++r, packed += kKvBlock) {
      Type::template at<0>(packed).store(columns + r * kKvBlock);
      if (Type::kHalves == 2 && rows + r < n)
        Type::template at<Type::kHalves - 1>(packed).store(columns + (rows + r) * kKvBlock);
    }
    columns += n * kKvBlock;
  }
}

template <class Type>
static void score(const KvChunk& chunk, const float* q, uint32_t rows, uint32_t head_dim, float* columns,
                  float* scores) noexcept {
  const uint32_t first = chunk.begin / kKvBlock, last = (chunk.end + kKvBlock - 1) / kKvBlock;
  const uint32_t stride = kv_row_stride(head_dim);
  if (rows > kTileRows) {
    for (uint32_t b = first; b < last; ++b) {
      widen_keys<Type>(chunk.blocks[b], head_dim, columns);
      rows_by<kTileRows>(0, rows, [&]<int kRows>(uint32_t row) {
        score_widened<kRows>(chunk.blocks[b], columns, q + row * stride, head_dim,
                             scores + row * kChunkKeys + b * kKvBlock);
      });
    }
    return;
  }
  rows_by<kTileRows>(0, rows, [&]<int kRows>(uint32_t row) {
    for_blocks<kRows>(first, last, [&]<int kBlocks>(uint32_t b) {
      score_rows<Type, kRows, kBlocks>(chunk.blocks + b, q + row * stride, head_dim,
                                       scores + row * kChunkKeys + b * kKvBlock);
    });
  });
}

// weights[row][key] times the scales of a group's values.
template <int kRows>
static void scale_weights(const KvChunk& chunk, const float* weights, uint32_t group, float* scaled) noexcept {
  const uint32_t last = (chunk.end + kKvBlock - 1) / kKvBlock;
  for (uint32_t b = chunk.begin / kKvBlock; b < last; ++b) {
    const F32x16 scale = F32x16::load_f16(scales_of(chunk.blocks[b], group));
    for (int i = 0; i < kRows; ++i) {
      const uint32_t at = i * kChunkKeys + b * kKvBlock;
      (F32x16::load(weights + at) * scale).store(scaled + at);
    }
  }
}

template <class Type, int kRows>
static void add_group(const KvChunk& chunk, const float* weights, uint32_t group, uint32_t head_dim,
                      float* out) noexcept {
  float scaled[kRows * kChunkKeys];
  scale_weights<kRows>(chunk, weights, group, scaled);
  const uint32_t n = group_size(head_dim, group), stride = kv_row_stride(head_dim);
  const size_t token_bytes = kv_packed_bytes(Type::kType, head_dim);
  const size_t offset = kv_scale_bytes(head_dim) + kv_packed_bytes(Type::kType, group * kKvGroup);
  out += group * kKvGroup;
  if (n == kKvGroup) {
    if constexpr (kTileRows / kRows >= 2)
      return add_weighted<Type, 0, 2, kRows>(chunk, offset, token_bytes, scaled, out, stride);
    add_weighted<Type, 0, 1, kRows>(chunk, offset, token_bytes, scaled, out, stride);
    return add_weighted<Type, 1, 1, kRows>(chunk, offset, token_bytes, scaled, out + 16, stride);
  }
  if constexpr (kRows == 1) {
    const uint32_t low = Type::kHalves == 2 ? (n + 1) / 2 : n < 16 ? n : 16;
    add_weighted<Type, 0, 1, 1>(chunk, offset, token_bytes, scaled, out, stride, low);
    if (low < n) add_weighted<Type, 1, 1, 1>(chunk, offset, token_bytes, scaled, out + low, stride, n - low);
  }
}

template <class Type>
static void add(const KvChunk& chunk, const float* weights, uint32_t rows, uint32_t head_dim, float* out) noexcept {
  const uint32_t stride = kv_row_stride(head_dim), whole = head_dim / kKvGroup;
  rows_by<kTileRows>(0, rows, [&]<int kRows>(uint32_t row) {
    for (uint32_t g = 0; g < whole; ++g)
      add_group<Type, kRows>(chunk, weights + row * kChunkKeys, g, head_dim, out + row * stride);
  });
  for (uint32_t row = 0; row < rows && whole < kv_groups(head_dim); ++row)
    add_group<Type, 1>(chunk, weights + row * kChunkKeys, whole, head_dim, out + row * stride);
}

// One token's numbers as a value's bytes, and its scales into the block.
template <class Type, bool kRotate>
static void quantise_token(const float* x, uint32_t head_dim, uint32_t token, uint8_t* block,
                           uint8_t* packed) noexcept {
  float rotated[kMaxHeadDim];
  if constexpr (kRotate) {
    for (uint32_t d = 0; d < head_dim; ++d) rotated[d] = x[d];
    rotate_head(rotated, head_dim);
    x = rotated;
  }
  for (uint32_t g = 0; g < kv_groups(head_dim); ++g) {
    const uint32_t n = group_size(head_dim, g);
    const uint16_t scale = Type::quantise(x + g * kKvGroup, n, packed + kv_packed_bytes(Type::kType, g * kKvGroup));
    reinterpret_cast<uint16_t*>(block)[g * kKvBlock + token] = scale;
  }
}

template <class Type>
static void store_key(const float* x, uint32_t head_dim, uint32_t token, uint8_t* block) noexcept {
  uint8_t packed[kMaxHeadDim];
  quantise_token<Type, Type::kRotateKeys>(x, head_dim, token, block, packed);
  uint8_t* keys = block + kv_scale_bytes(head_dim) + token;
  for (uint32_t i = 0; i < kv_packed_bytes(Type::kType, head_dim); ++i) keys[i * kKvBlock] = packed[i];
}

template <class Type>
static void store_value(const float* x, uint32_t head_dim, uint32_t token, uint8_t* block) noexcept {
  const size_t token_bytes = kv_packed_bytes(Type::kType, head_dim);
  quantise_token<Type, Type::kRotateValues>(x, head_dim, token, block,
                                            block + kv_scale_bytes(head_dim) + token * token_bytes);
}

template <class Type>
constexpr KvKernel kv_table(const char* name, Isa isa) noexcept {
  return {.name = name,
          .isa = isa,
          .type = Type::kType,
          .rotates_keys = Type::kRotateKeys,
          .rotates_values = Type::kRotateValues,
          .score = score<Type>,
          .add = add<Type>,
          .store_key = store_key<Type>,
          .store_value = store_value<Type>};
}

}  // namespace
}  // namespace runnel
