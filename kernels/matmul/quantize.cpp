#include <string.h>

#include "kernels/matmul/lhs_tiles.h"
#include "kernels/matmul/registry.h"
#include "kernels/simd/narrow.h"

namespace runnel {
namespace {

constexpr uint32_t kGroup = 32;
// Groups whose largest magnitude is below this count as zeros: levels / magnitude must stay finite.
constexpr int32_t kSmallestBits = 0x0d800000;  // 2^-100

// Where a row's groups go. put() takes half a group, put_numbers() what else there is of one.
template <class T>
struct RowOut {
  RowOut(void* out, uint32_t groups) noexcept
      : q(static_cast<T*>(out)),
        scales(reinterpret_cast<float*>(q + size_t(groups) * kGroup)),
        starts(reinterpret_cast<int32_t*>(scales + groups)),
        weighted(reinterpret_cast<float*>(starts + groups)),
        halves(reinterpret_cast<int16_t*>(weighted + groups)) {}
  void put(uint32_t g, int half, const Int16& values) const noexcept {
    store_narrow(values, q + size_t(g) * kGroup + 16 * half);
  }
  void put_numbers(uint32_t g, float scale, const int32_t* half_sums) const noexcept {
    const int32_t sum = half_sums[0] + half_sums[1];
    scales[g] = scale;
    starts[g] = -8 * sum;
    weighted[g] = scale * static_cast<float>(sum);
    if constexpr (sizeof(T) == 1) {
      halves[2 * g] = static_cast<int16_t>(half_sums[0]);
      halves[2 * g + 1] = static_cast<int16_t>(half_sums[1]);
    }
  }
  T* q;
  float* scales;
  int32_t* starts;
  float* weighted;
  int16_t* halves;
};

// One row of a tile. Planes are bytes: high ones first, where there are two.
template <class T>
struct TileRow {
  static constexpr int kPlanes = sizeof(T);
  static Int16 plane(const Int16& values, int p) noexcept {
    Int16 out = values;
    if (kPlanes == 2 && p == 0)
      for (Int4& v : out.v) v = (v + 128) >> 8;
    return out;
  }
};
template <class T>
struct TileOut : TileRow<T> {
  void put(uint32_t g, int half, const Int16& values) const noexcept {
    for (int p = 0; p < this->kPlanes; ++p) store_narrow(this->plane(values, p), groups[g].q[p][half][row]);
  }
  void put_numbers(uint32_t g, float scale, const int32_t* half_sums) const noexcept {
    groups[g].scale[row] = scale;
    groups[g].weighted[row] = scale * static_cast<float>(half_sums[0] + half_sums[1]);
  }
  LhsTileGroup<sizeof(T)>* groups;
  uint32_t row;
};
template <class T>
struct PairOut : TileRow<T> {
  void put(uint32_t g, int half, const Int16& values) const noexcept {
    for (int p = 0; p < this->kPlanes; ++p) {
      int8_t bytes[16];
      store_narrow(this->plane(values, p), bytes);
      for (int i = 0; i < 2; ++i) memcpy(groups[g].q[p][2 * half + i][row / 2][row % 2], bytes + 8 * i, 8);
    }
  }
  void put_numbers(uint32_t g, float scale, const int32_t* half_sums) const noexcept {
    const float weighted = scale * static_cast<float>(half_sums[0] + half_sums[1]);
    for (int i = 0; i < 2; ++i) {
      groups[g].scale[row][i] = scale;
      groups[g].weighted[row][i] = weighted;
    }
  }
  LhsPairGroup<sizeof(T)>* groups;
  uint32_t row;
};

// q = round(x * (levels / largest)), scale = largest / levels. A group that is not finite gets a scale that is not a
// number: the outputs show it, where clamped values would look sound.
template <int kLevels, class Out>
void quantize_group(const float* x, uint32_t g, const Out& out) noexcept {
  Int4 bits[kGroup / 4], most = {};
  for (uint32_t i = 0; i < kGroup / 4; ++i) {
    memcpy(&bits[i], x + size_t(4) * i, sizeof(Int4));
    const Int4 magnitude = bits[i] & 0x7fffffff;  // as integers the magnitudes of floats have the floats' order
    most = magnitude > most ? magnitude : most;
  }
  const int32_t low = most[0] > most[1] ? most[0] : most[1], high = most[2] > most[3] ? most[2] : most[3];
  const int32_t largest_bits = low > high ? low : high;
  int32_t half_sums[2] = {};
  if (largest_bits < kSmallestBits || largest_bits >= 0x7f800000) {
    for (int half = 0; half < 2; ++half) out.put(g, half, {});
    out.put_numbers(g, largest_bits < kSmallestBits ? 0.0f : __builtin_nanf(""), half_sums);
    return;
  }
  const float largest = __builtin_bit_cast(float, largest_bits);
  const float inverse = static_cast<float>(kLevels) / largest;
  for (int half = 0; half < 2; ++half) {
    Int16 values;
    Int4 sums = {};
    for (int i = 0; i < 4; ++i) {
      // Adding 1.5 * 2^23 rounds to an integer, ties to even, and leaves it in the low bits.
      const Float4 shifted = __builtin_bit_cast(Float4, bits[4 * half + i]) * inverse + 12582912.0f;
      values.v[i] = __builtin_bit_cast(Int4, shifted) - 0x4b400000;
      sums += values.v[i];
    }
    out.put(g, half, values);
    half_sums[half] = (sums[0] + sums[2]) + (sums[1] + sums[3]);
  }
  out.put_numbers(g, largest / static_cast<float>(kLevels), half_sums);
}

template <LhsType kType, class Out>
void quantize_groups(const float* x, uint32_t cols, uint32_t groups, const Out& out) noexcept {
  const uint32_t whole = cols / kGroup;
  for (uint32_t g = 0; g < groups; ++g) {
    const float* group = x + size_t(g) * kGroup;
    float tail[kGroup];
    if (g >= whole) {
      memset(tail, 0, sizeof(tail));
      if (g == whole) memcpy(tail, group, (cols - whole * kGroup) * sizeof(float));
      group = tail;
    }
    quantize_group<lhs_levels(kType)>(group, g, out);
  }
}

template <LhsType kType, class T>
void quantize_in_order(LhsOrder order, const float* x, uint32_t cols, uint32_t groups, uint32_t row,
                       void* lhs) noexcept {
  // The tile's first group, or the row.
  const uint32_t together = order == LhsOrder::rows ? 1 : kLhsTileRows;
  auto* at = static_cast<uint8_t*>(lhs) + row / together * together * quantized_stride(kType, order, groups);
  const uint32_t r = row % kLhsTileRows;
  switch (order) {
    case LhsOrder::rows: return quantize_groups<kType>(x, cols, groups, RowOut<T>(at, groups));
    case LhsOrder::tiles:
      return quantize_groups<kType>(x, cols, groups, TileOut<T>{{}, reinterpret_cast<LhsTileGroup<sizeof(T)>*>(at), r});
    case LhsOrder::pairs:
      return quantize_groups<kType>(x, cols, groups, PairOut<T>{{}, reinterpret_cast<LhsPairGroup<sizeof(T)>*>(at), r});
  }
}

template <class Group>
constexpr size_t tile_stride(uint32_t groups) noexcept {
  return lhs_tile_bytes(sizeof(Group), groups) / kLhsTileRows;
}

}  // namespace

size_t quantized_stride(LhsType type, LhsOrder order, uint32_t groups) noexcept {
  const bool wide = type == LhsType::q16g32;
  switch (order) {
    case LhsOrder::rows: break;
    case LhsOrder::tiles: return wide ? tile_stride<LhsTileGroup<2>>(groups) : tile_stride<LhsTileGroup<1>>(groups);
    case LhsOrder::pairs: return wide ? tile_stride<LhsPairGroup<2>>(groups) : tile_stride<LhsPairGroup<1>>(groups);
  }
  return quantized_row_bytes(type, groups);
}

void quantize_row(LhsType type, const float* x, uint32_t cols, uint32_t groups, void* out) noexcept {
  quantize_row_of(type, LhsOrder::rows, x, cols, groups, 0, out);
}

void quantize_row_of(LhsType type, LhsOrder order, const float* x, uint32_t cols, uint32_t groups, uint32_t row,
                     void* lhs) noexcept {
  if (type == LhsType::q8g32) {
    quantize_in_order<LhsType::q8g32, int8_t>(order, x, cols, groups, row, lhs);
  } else {
    quantize_in_order<LhsType::q16g32, int16_t>(order, x, cols, groups, row, lhs);
  }
}

}  // namespace runnel
