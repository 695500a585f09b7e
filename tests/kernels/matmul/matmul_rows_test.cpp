// Every row of matmul.inc that this CPU covers, and the generic kernel with every type: all tails of m and n, short
// and long depths, against exact arithmetic; nothing written outside; splitting n changes no bit.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "kernels/isa.h"
#include "tests/kernels/matmul/matmul_problem.h"

namespace runnel::test {
namespace {

constexpr float kUntouched = -7.25e30f;

using MatmulRun = std::function<void(const MatmulArgs&)>;

void check(const MatmulRun& run, LhsType lhs, const DTypeInfo& type, uint32_t m, uint32_t n, uint32_t blocks,
           uint32_t seed) {
  SCOPED_TRACE("m " + std::to_string(m) + " n " + std::to_string(n) + " blocks " + std::to_string(blocks));
  std::mt19937 random(seed);
  const PackedWeights weights(type, n, blocks, random);
  const LeftSide left(lhs, m, weights.depth(), random);
  const uint32_t width = n + 3;
  std::vector<float> dst(size_t(m + 1) * width, kUntouched);
  MatmulArgs args{.lhs = left.bytes->data(),
                  .lhs_stride = left.stride,
                  .rhs = weights.packed.data(),
                  .dst = dst.data(),
                  .dst_stride = width * sizeof(float),
                  .m = m,
                  .n = n,
                  .blocks = blocks};
  run(args);
  for (uint32_t c = 0; c < n; ++c) {
    const std::vector<float> row = weights.row(c);
    for (uint32_t r = 0; r < m; ++r) {
      const Exact want = exact_dot(left.values[r], row);
      ASSERT_NEAR(dst[r * width + c], want.value, 2e-6 * want.magnitude + 1e-30) << "row " << r << " column " << c;
    }
  }
  for (uint32_t r = 0; r <= m; ++r)
    for (uint32_t c = r == m ? 0 : n; c < width; ++c) ASSERT_EQ(dst[r * width + c], kUntouched) << r << ", " << c;

  // The same columns in two calls, cut at a panel.
  const uint32_t cut = n / 2 / type.nr * type.nr;
  if (cut == 0) return;
  std::vector<float> parts(dst.size(), kUntouched);
  args.dst = parts.data();
  args.n = cut;
  run(args);
  args.dst = parts.data() + cut;
  args.n = n - cut;
  args.rhs = weights.packed.data() + cut / type.nr * weights.shape.panel_bytes;
  run(args);
  ASSERT_EQ(parts, dst) << "cut at " << cut;
}

class MatmulRow : public testing::TestWithParam<const MatmulKernel*> {};

TEST_P(MatmulRow, MatchesExactArithmetic) {
  const MatmulKernel& kernel = *GetParam();
  if (!covers(cpu_isa(), kernel.isa)) GTEST_SKIP() << "this CPU has no " << isa_name(kernel.isa);
  const DTypeInfo& type = dtype_info(kernel.rhs);
  ASSERT_EQ(kernel.nr, type.nr);
  ASSERT_EQ(kernel.kr, type.kr);
  uint32_t seed = 1;
  for (uint32_t m = 1; m <= kernel.mr; ++m)
    for (uint32_t n = 1; n <= 2 * kernel.nr + 1; n += n < kernel.nr + 1 ? 1 : 5)
      for (const uint32_t blocks : {1u, 2u, 3u}) check(kernel.run, kernel.lhs, type, m, n, blocks, seed++);
  for (const uint32_t blocks : {64u, 75u})
    check(kernel.run, kernel.lhs, type, kernel.mr, 5 * kernel.nr, blocks, seed++);
}

// The extremes that overflow a careless 16-bit intermediate: every activation and weight at the ends of its range.
class MatmulIntegerRow : public MatmulRow {};

TEST_P(MatmulIntegerRow, SurvivesTheLargestIntegers) {
  const MatmulKernel& kernel = *GetParam();
  if (!covers(cpu_isa(), kernel.isa)) GTEST_SKIP() << "this CPU has no " << isa_name(kernel.isa);
  const DTypeInfo& type = dtype_info(kernel.rhs);
  const uint32_t blocks = 3;
  for (const int activation : {-127, 127}) {
    for (const uint8_t byte : {uint8_t{0x00}, uint8_t{0xff}, uint8_t{0x80}, uint8_t{0x7f}, uint8_t{0x81}}) {
      std::vector<uint8_t> row(blocks * type.block_bytes, byte);
      for (uint32_t b = 0; b < blocks; ++b) {
        row[b * type.block_bytes] = 0x00;
        row[b * type.block_bytes + 1] = 0x3c;  // scale 1
        if (type.dtype == DType::q4ag32) row[b * type.block_bytes + 2] = row[b * type.block_bytes + 3] = 0;
      }
      std::vector<const void*> pointers(type.nr, row.data());
      AlignedBytes panel(size_t(type.nr) * row.size());
      type.pack_panel(pointers.data(), blocks, panel.data());
      std::vector<float> x(blocks * 32, static_cast<float>(activation)), w(blocks * 32);
      AlignedBytes lhs(quantized_row_bytes(blocks));
      quantize_row(x.data(), blocks * 32, blocks, lhs.data());
      type.dequantize(row.data(), w.data(), blocks);
      std::vector<float> dst(type.nr);
      kernel.run({.lhs = lhs.data(),
                  .lhs_stride = lhs.size(),
                  .rhs = panel.data(),
                  .dst = dst.data(),
                  .dst_stride = dst.size() * sizeof(float),
                  .m = 1,
                  .n = type.nr,
                  .blocks = blocks});
      for (const float got : dst) ASSERT_EQ(got, exact_dot(x, w).value) << activation << " by bytes " << int(byte);
    }
  }
}

std::vector<const MatmulKernel*> rows_with(std::initializer_list<LhsType> lhs) {
  std::vector<const MatmulKernel*> rows;
  for (const MatmulKernel& kernel : matmul_kernels())
    if (std::find(lhs.begin(), lhs.end(), kernel.lhs) != lhs.end()) rows.push_back(&kernel);
  return rows;
}
INSTANTIATE_TEST_SUITE_P(Rows, MatmulRow, testing::ValuesIn(rows_with({LhsType::f32, LhsType::q8g32})),
                         [](const auto& info) { return std::string(info.param->name); });
INSTANTIATE_TEST_SUITE_P(Rows, MatmulIntegerRow, testing::ValuesIn(rows_with({LhsType::q8g32})),
                         [](const auto& info) { return std::string(info.param->name); });

class MatmulGeneric : public testing::TestWithParam<const DTypeInfo*> {};

TEST_P(MatmulGeneric, MatchesExactArithmetic) {
  const DTypeInfo& type = *GetParam();
  const MatmulRun run = [&](const MatmulArgs& args) { matmul_generic(type.dtype, args); };
  uint32_t seed = 1;
  for (const uint32_t m : {1u, 2u, 5u, 67u})
    for (const uint32_t n : {1u, 3u, 16u, 37u})
      for (const uint32_t blocks : {1u, 3u}) check(run, LhsType::f32, type, m, n, blocks, seed++);
  check(run, LhsType::f32, type, 3, 33, 2112 / type.group, seed);
}
INSTANTIATE_TEST_SUITE_P(Types, MatmulGeneric, testing::ValuesIn(dtypes().begin(), dtypes().end()),
                         [](const auto& info) { return std::string(info.param->name); });

// Every choice that this CPU can be lowered to, at any number of rows.
TEST(RunMatmul, AnyRowsWithEveryChoice) {
  for (const Isa isa :
       {Isa::scalar, Isa::neon, Isa::neon_dotprod, Isa::neon_i8mm, Isa::avx2, Isa::avxvnni, Isa::avx512vnni}) {
    if (!covers(cpu_isa(), isa)) continue;
    for (const DTypeInfo* type : dtypes()) {
      for (const bool floats : {false, true}) {
        const MatmulChoice choice = choose_matmul(type->dtype, isa, floats);
        SCOPED_TRACE(std::string(type->name) + " " + isa_name(isa) + (floats ? " float" : ""));
        const MatmulRun run = [&](const MatmulArgs& args) { run_matmul(choice, type->dtype, args); };
        for (const uint32_t m : {1u, 2u, 7u, 19u}) check(run, choice.lhs, *type, m, 35, 512 / type->group, m);
      }
    }
  }
}

}  // namespace
}  // namespace runnel::test
