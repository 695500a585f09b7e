// Quantisation of activation rows: layout, rounding, tails and what is not finite.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "kernels/matmul/lhs_tiles.h"
#include "tests/kernels/matmul/matmul_problem.h"

namespace runnel::test {
namespace {

struct Row {
  Row(LhsType type, const std::vector<float>& x, uint32_t groups)
      : groups(groups), bytes(quantized_row_bytes(type, groups) + 64, 0xa5), read(type, bytes.data(), groups) {
    quantize_row(type, x.data(), static_cast<uint32_t>(x.size()), groups, bytes.data());
    for (size_t i = quantized_row_bytes(type, groups); i < bytes.size(); ++i) EXPECT_EQ(bytes.data()[i], 0xa5);
  }
  int q(uint32_t i) const { return read.q(i); }
  float scale(uint32_t g) const { return read.scale(g); }
  int32_t start(uint32_t g) const { return read.start(g); }
  float weighted(uint32_t g) const { return read.weighted(g); }

  uint32_t groups;
  AlignedBytes bytes;
  QuantizedLhs read;
};

class QuantizeRow : public testing::TestWithParam<LhsType> {
 protected:
  float levels() const { return static_cast<float>(lhs_levels(GetParam())); }
};

TEST_P(QuantizeRow, RoundsToNearestOfTheLargest) {
  std::mt19937 random(1);
  for (const uint32_t cols : {1u, 31u, 32u, 33u, 64u, 100u, 2048u}) {
    std::normal_distribution<float> normal(0, std::ldexp(1.0f, static_cast<int>(random() % 40) - 20));
    std::vector<float> x(cols);
    for (float& value : x) value = normal(random);
    const Row row(GetParam(), x, ceil_div(cols, 32u) + 1);
    for (uint32_t g = 0; g < row.groups; ++g) {
      float largest = 0;
      int32_t sum = 0;
      for (uint32_t i = g * 32; i < std::min(cols, g * 32 + 32); ++i) largest = std::max(largest, std::abs(x[i]));
      EXPECT_EQ(row.scale(g), largest / levels());
      for (uint32_t i = g * 32; i < g * 32 + 32; ++i) {
        sum += row.q(i);
        const double exact = i < cols && largest > 0 ? double(x[i]) * levels() / largest : 0;
        EXPECT_NEAR(row.q(i), exact, 0.5 + 1e-6 * levels()) << i;
      }
      EXPECT_EQ(row.start(g), -8 * sum);
      EXPECT_EQ(row.weighted(g), row.scale(g) * static_cast<float>(sum));
    }
  }
}

TEST_P(QuantizeRow, TiesGoToEven) {
  std::vector<float> x(32, 0.0f);
  x[0] = levels();
  for (int i = 1; i < 16; ++i) {
    x[2 * i] = static_cast<float>(i) + 0.5f;
    x[2 * i + 1] = -static_cast<float>(i) - 0.5f;
  }
  const Row row(GetParam(), x, 1);
  for (int i = 1; i < 16; ++i) {
    const int even = i % 2 == 0 ? i : i + 1;
    EXPECT_EQ(row.q(2 * i), even);
    EXPECT_EQ(row.q(2 * i + 1), -even);
  }
}

TEST_P(QuantizeRow, ExtremesStayInRange) {
  const int most = lhs_levels(GetParam());
  for (const float largest : {std::numeric_limits<float>::max(), 1e-20f, 1.0f, 3e-30f}) {
    std::vector<float> x(32, -largest);
    x[5] = largest;
    const Row row(GetParam(), x, 1);
    for (uint32_t i = 0; i < 32; ++i) EXPECT_EQ(row.q(i), i == 5 ? most : -most) << largest;
  }
  for (const float tiny : {0.0f, -0.0f, 1e-40f, 1e-32f}) {
    const Row row(GetParam(), std::vector<float>(32, tiny), 1);
    EXPECT_EQ(row.scale(0), 0.0f);
    EXPECT_EQ(row.q(3), 0);
    EXPECT_EQ(row.start(0), 0);
  }
}

TEST_P(QuantizeRow, WhatIsNotFiniteShowsInTheOutput) {
  for (const float bad : {std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity(),
                          std::numeric_limits<float>::quiet_NaN()}) {
    std::vector<float> x(64, 1.0f);
    x[40] = bad;
    const Row row(GetParam(), x, 2);
    EXPECT_EQ(row.scale(0), 1.0f / levels());
    EXPECT_TRUE(std::isnan(row.scale(1)));
    for (uint32_t i = 32; i < 64; ++i) EXPECT_EQ(row.q(i), 0);
  }
}

// A tile's group as the row's numbers: plane by plane of 32 bytes, scale, sum.
struct TileGroupRow {
  int8_t q[2][32];
  float scale, weighted;
};
template <int kPlanes>
TileGroupRow read(const LhsTileGroup<kPlanes>& group, uint32_t row) {
  TileGroupRow out = {{}, group.scale[row], group.weighted[row]};
  for (int p = 0; p < kPlanes; ++p)
    for (int i = 0; i < 32; ++i) out.q[p][i] = group.q[p][i / 16][row][i % 16];
  return out;
}
template <int kPlanes>
TileGroupRow read(const LhsPairGroup<kPlanes>& group, uint32_t row) {
  EXPECT_EQ(group.scale[row][0], group.scale[row][1]);
  EXPECT_EQ(group.weighted[row][0], group.weighted[row][1]);
  TileGroupRow out = {{}, group.scale[row][0], group.weighted[row][0]};
  for (int p = 0; p < kPlanes; ++p)
    for (int i = 0; i < 32; ++i) out.q[p][i] = group.q[p][i / 8][row / 2][row % 2][i % 8];
  return out;
}

// Row by row the numbers of quantize_row(), and nothing else written.
template <class Group>
void check_tiles(LhsType type, LhsOrder order) {
  constexpr uint32_t kRows = 7, kCols = 77, kGroups = 4, kTiles = 2;
  const size_t tile_bytes = quantized_stride(type, order, kGroups) * kLhsTileRows;
  AlignedBytes tiles(kTiles * tile_bytes, 0xa5);
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  std::vector<std::vector<float>> rows(kRows, std::vector<float>(kCols));
  for (uint32_t r = 0; r < kRows; ++r) {
    for (float& value : rows[r]) value = normal(random);
    quantize_row_of(type, order, rows[r].data(), kCols, kGroups, r, tiles.data());
  }
  for (uint32_t r = 0; r < kTiles * kLhsTileRows; ++r) {
    const auto* groups = reinterpret_cast<const Group*>(tiles.data() + r / kLhsTileRows * tile_bytes);
    for (uint32_t g = 0; g < kGroups; ++g) {
      const TileGroupRow got = read(groups[g], r % kLhsTileRows);
      if (r >= kRows) {
        EXPECT_EQ(static_cast<uint8_t>(got.q[0][0]), 0xa5);
        continue;
      }
      const Row want(type, rows[r], kGroups);
      EXPECT_EQ(got.scale, want.scale(g));
      EXPECT_EQ(got.weighted, want.weighted(g));
      for (uint32_t i = 0; i < 32; ++i) {
        const int wide = 256 * got.q[0][i] + got.q[1][i];
        ASSERT_EQ(type == LhsType::q8g32 ? got.q[0][i] : wide, want.q(32 * g + i)) << "row " << r << " group " << g;
      }
    }
  }
  for (uint32_t t = 0; t < kTiles; ++t)
    for (size_t i = kGroups * sizeof(Group); i < tile_bytes; ++i) ASSERT_EQ(tiles.data()[t * tile_bytes + i], 0xa5);
}
TEST(QuantizeRowOf, TilesHoldTheNumbersOfRows) {
  check_tiles<LhsTileGroup<1>>(LhsType::q8g32, LhsOrder::tiles);
  check_tiles<LhsTileGroup<2>>(LhsType::q16g32, LhsOrder::tiles);
  check_tiles<LhsPairGroup<1>>(LhsType::q8g32, LhsOrder::pairs);
  check_tiles<LhsPairGroup<2>>(LhsType::q16g32, LhsOrder::pairs);
}

INSTANTIATE_TEST_SUITE_P(Types, QuantizeRow, testing::Values(LhsType::q8g32, LhsType::q16g32),
                         [](const auto& info) { return info.param == LhsType::q8g32 ? "q8g32" : "q16g32"; });

}  // namespace
}  // namespace runnel::test
