// The two inner loops of attention as templates over the instruction set's F32x16 (include f32x16_<isa>.h first) and
// over how a storage type's numbers become floats.
//
// Type::at<c>(p) is column c of 16 numbers of those that begin at p, widened; Type::at<c>(p, count) the first `count`
// of them. kRows is how many rows share what was widened. Every sum runs over its own terms in their order, whatever
// rows or blocks are summed beside it.
#pragma once

#include "kernels/attention/kv_kernel.h"
#include "kernels/simd/f32x16_math.h"

namespace runnel {
namespace {

// All rows through step<n>(row) with n as large as kTileRows, the rest with smaller ones.
template <int kRows, class Step>
static uint32_t rows_by(uint32_t row, uint32_t rows, const Step& step) noexcept {
  for (; row + kRows <= rows; row += kRows) step.template operator()<kRows>(row);
  if constexpr (kRows > 1) row = rows_by < kRows == 4 ? 3 : kRows == 3 ? 2 : kRows / 2 > (row, rows, step);
  return row;
}

// Blocks [first, last) through step<n>(block), n at a time: as many as leave kTileRows sums with kRows rows, then one.
template <int kRows, class Step>
static void for_blocks(uint32_t first, uint32_t last, const Step& step) noexcept {
  constexpr int kBlocks = kTileRows / kRows < int{kChunkBlocks} ? kTileRows / kRows : int{kChunkBlocks};
  uint32_t b = first;
  for (; b + kBlocks <= last; b += kBlocks) step.template operator()<kBlocks>(b);
  for (; b < last; ++b) step.template operator()<1>(b);
}

// sum[block][row] += q[row][d] * column d of the block's keys, for `count` dimensions d. Columns are kColumnBytes
// apart.
template <class Type, int kColumn, uint32_t kColumnBytes, int kRows, int kBlocks>
[[gnu::always_inline]] static inline void add_dots(const uint8_t* const* columns, const float* q, uint32_t q_stride,
                                                   uint32_t count, F32x16 (&sum)[kBlocks][kRows]) noexcept {
  const uint8_t* at[kBlocks];
  for (int b = 0; b < kBlocks; ++b) at[b] = columns[b];
  uint32_t d = 0;
  const auto add = [&]<int kLane>(const Four* four) {
    for (int b = 0; b < kBlocks; ++b) {
      const F32x16 column = Type::template at<kColumn>(at[b] + kLane * kColumnBytes);
      for (int i = 0; i < kRows; ++i) sum[b][i] = F32x16::fma_lane<kLane>(four[i], column, sum[b][i]);
    }
  };
  for (; d + 4 <= count; d += 4) {
    Four four[kRows];
    for (int i = 0; i < kRows; ++i) four[i] = load_four(q + i * q_stride + d);
    add.template operator()<0>(four);
    add.template operator()<1>(four);
    add.template operator()<2>(four);
    add.template operator()<3>(four);
    for (int b = 0; b < kBlocks; ++b) at[b] += 4 * kColumnBytes;
  }
  for (; d < count; ++d) {
    for (int b = 0; b < kBlocks; ++b) {
      const F32x16 column = Type::template at<kColumn>(at[b]);
      for (int i = 0; i < kRows; ++i) sum[b][i] = F32x16::fma(F32x16::set1(q[i * q_stride + d]), column, sum[b][i]);
      at[b] += kColumnBytes;
    }
  }
}

template <class Type, int kFirst, int kColumns, class... Count>
static inline void load_columns(const uint8_t* p, F32x16* x, Count... count) noexcept {
  x[kColumns - 1] = Type::template at<kFirst + kColumns - 1>(p, count...);
  if constexpr (kColumns > 1) load_columns<Type, kFirst, kColumns - 1>(p, x, count...);
}

// out[row][16 c ..] += sum over the chunk's keys of weights[row][key] * column kFirst + c of the key's numbers, which
// begin `offset` bytes into its block for the block's first token and `token_bytes` apart. With a count: of one
// column, so many numbers.
template <class Type, int kFirst, int kColumns, int kRows, class... Count>
[[gnu::always_inline]] static inline void add_weighted(const KvChunk& chunk, size_t offset, size_t token_bytes,
                                                       const float* weights, float* out, uint32_t out_stride,
                                                       Count... count) noexcept {
  F32x16 sum[kColumns][kRows];
  for (int c = 0; c < kColumns; ++c)
    for (int i = 0; i < kRows; ++i) {
      if constexpr (sizeof...(Count) == 0) {
        sum[c][i] = F32x16::load(out + i * out_stride + 16 * c);
      } else {
        sum[c][i] = load_part(out + i * out_stride, count...);
      }
    }
  for (uint32_t key = chunk.begin; key < chunk.end;) {
    const uint8_t* p = chunk.blocks[key / kKvBlock] + offset + key % kKvBlock * token_bytes;
    const uint32_t block_end = (key / kKvBlock + 1) * kKvBlock, end = chunk.end < block_end ? chunk.end : block_end;
    const auto add = [&]<int kLane>(const Four* four) {
      F32x16 x[kColumns];
      load_columns<Type, kFirst, kColumns>(p + kLane * token_bytes, x, count...);
      for (int c = 0; c < kColumns; ++c)
        for (int i = 0; i < kRows; ++i) sum[c][i] = F32x16::fma_lane<kLane>(four[i], x[c], sum[c][i]);
    };
    for (; sizeof...(Count) == 0 && key + 4 <= end; key += 4, p += 4 * token_bytes) {
      Four four[kRows];
      for (int i = 0; i < kRows; ++i) four[i] = load_four(weights + i * kChunkKeys + key);
      add.template operator()<0>(four);
      add.template operator()<1>(four);
      add.template operator()<2>(four);
      add.template operator()<3>(four);
    }
    for (; key < end; ++key, p += token_bytes) {
      F32x16 x[kColumns];
      load_columns<Type, kFirst, kColumns>(p, x, count...);
      for (int c = 0; c < kColumns; ++c)
        for (int i = 0; i < kRows; ++i)
          sum[c][i] = F32x16::fma(F32x16::set1(weights[i * kChunkKeys + key]), x[c], sum[c][i]);
    }
  }
  for (int c = 0; c < kColumns; ++c)
    for (int i = 0; i < kRows; ++i) {
      if constexpr (sizeof...(Count) == 0) {
        sum[c][i].store(out + i * out_stride + 16 * c);
      } else {
        store_part(sum[c][i], out + i * out_stride, count...);
      }
    }
}

}  // namespace
}  // namespace runnel
