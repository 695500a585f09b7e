// The functions of a KvKernel for float types, as templates over the instruction set's F32x16 (include f32x16_<isa>.h
// and kv_<type>.h first), and the table made of them.
//
// Few rows take keys as they lie, several blocks at a time, so that there are kTileRows independent sums. Where there
// are more than kTileRows rows, a block's keys are widened once for all of them, into first-level cache.
#pragma once

#include "kernels/attention/kv_f32.h"
#include "kernels/attention/kv_sums.h"

namespace runnel {
namespace {

template <class Type>
inline constexpr uint32_t kKeyColumnBytes = kKvBlock * sizeof(typename Type::Number);

template <class Type, int kRows, int kBlocks>
static void score_rows(const uint8_t* const* blocks, const float* q, uint32_t head_dim, float* scores) noexcept {
  F32x16 sum[kBlocks][kRows];
  for (int b = 0; b < kBlocks; ++b)
    for (int i = 0; i < kRows; ++i) sum[b][i] = F32x16::set1(0);
  add_dots<Type, 0, kKeyColumnBytes<Type>>(blocks, q, kv_row_stride(head_dim), head_dim, sum);
  for (int b = 0; b < kBlocks; ++b)
    for (int i = 0; i < kRows; ++i) sum[b][i].store(scores + i * kChunkKeys + b * kKvBlock);
}

template <class Type>
static void score(const KvChunk& chunk, const float* q, uint32_t rows, uint32_t head_dim, float* columns,
                  float* scores) noexcept {
  const uint32_t first = chunk.begin / kKvBlock, last = (chunk.end + kKvBlock - 1) / kKvBlock;
  const uint32_t stride = kv_row_stride(head_dim);
  if (Type::kWiden && rows > kTileRows) {
    const auto* widened = reinterpret_cast<const uint8_t*>(columns);
    for (uint32_t b = first; b < last; ++b) {
      for (uint32_t d = 0; d < head_dim; ++d)
        Type::template at<0>(chunk.blocks[b] + d * kKeyColumnBytes<Type>).store(columns + d * kKvBlock);
      rows_by<kTileRows>(0, rows, [&]<int kRows>(uint32_t row) {
        score_rows<KvF32, kRows, 1>(&widened, q + row * stride, head_dim, scores + row * kChunkKeys + b * kKvBlock);
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

// Columns from dimension d on, as many at a time as leave kTileRows sums.
template <class Type, int kRows, int kColumns>
static uint32_t add_columns(const KvChunk& chunk, const float* weights, uint32_t d, uint32_t head_dim,
                            float* out) noexcept {
  constexpr uint32_t kBytes = sizeof(typename Type::Number);
  for (; d + 16 * kColumns <= head_dim; d += 16 * kColumns)
    add_weighted<Type, 0, kColumns, kRows>(chunk, d * kBytes, head_dim * kBytes, weights, out + d,
                                           kv_row_stride(head_dim));
  if constexpr (kColumns > 1) d = add_columns<Type, kRows, kColumns / 2>(chunk, weights, d, head_dim, out);
  return d;
}

template <class Type>
static void add(const KvChunk& chunk, const float* weights, uint32_t rows, uint32_t head_dim, float* out) noexcept {
  constexpr uint32_t kBytes = sizeof(typename Type::Number);
  const uint32_t stride = kv_row_stride(head_dim), whole = head_dim & ~15u;
  rows_by<kTileRows>(0, rows, [&]<int kRows>(uint32_t row) {
    add_columns<Type, kRows, kTileRows / kRows>(chunk, weights + row * kChunkKeys, 0, head_dim, out + row * stride);
  });
  for (uint32_t row = 0; row < rows && whole < head_dim; ++row)
    add_weighted<Type, 0, 1, 1>(chunk, whole * kBytes, head_dim * kBytes, weights + row * kChunkKeys,
                                out + row * stride + whole, stride, head_dim - whole);
}

template <class Type>
static void store_key(const float* x, uint32_t head_dim, uint32_t token, uint8_t* block) noexcept {
  typename Type::Number narrow[kMaxHeadDim];
  Type::narrow(x, head_dim, narrow);
  auto* keys = reinterpret_cast<typename Type::Number*>(block) + token;
  for (uint32_t d = 0; d < head_dim; ++d) keys[d * kKvBlock] = narrow[d];
}

template <class Type>
static void store_value(const float* x, uint32_t head_dim, uint32_t token, uint8_t* block) noexcept {
  Type::narrow(x, head_dim, reinterpret_cast<typename Type::Number*>(block) + size_t{token} * head_dim);
}

template <class Type>
constexpr KvKernel kv_table(const char* name, Isa isa) noexcept {
  return {.name = name,
          .isa = isa,
          .type = Type::kType,
          .rotates_keys = false,
          .rotates_values = false,
          .score = score<Type>,
          .add = add<Type>,
          .store_key = store_key<Type>,
          .store_value = store_value<Type>};
}

}  // namespace
}  // namespace runnel
