// Every row of matmul.inc that this CPU covers, and the generic kernel with every type: all tails of m and n, short
// and long depths, against exact arithmetic; nothing written outside; splitting n changes no bit.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <string>

#include "kernels/isa.h"
#include "tests/kernels/emulated/emulated_rows.h"
#include "tests/kernels/matmul/matmul_problem.h"
#include "tests/support/guarded_buffer.h"

namespace runnel::test {
namespace {

constexpr float kUntouched = -7.25e30f;

using MatmulRun = std::function<void(const MatmulArgs&)>;

GuardedBuffer guarded(const void* data, size_t bytes) {
  GuardedBuffer buffer(bytes);
  std::memcpy(buffer.data(), data, bytes);
  return buffer;
}

void check(const MatmulRun& run, LhsType lhs, LhsOrder order, const DTypeInfo& type, uint32_t m, uint32_t n,
           uint32_t blocks, uint32_t seed) {
  SCOPED_TRACE("m " + std::to_string(m) + " n " + std::to_string(n) + " blocks " + std::to_string(blocks));
  std::mt19937 random(seed);
  const PackedWeights weights(type, n, blocks, random);
  const LeftSide left(lhs, order, m, weights.depth(), random);
  // Both operands end where reading on would crash.
  const GuardedBuffer lhs_bytes = guarded(left.bytes->data(), left.read_bytes);
  const GuardedBuffer rhs_bytes = guarded(weights.packed.data(), weights.packed.size());
  const uint32_t width = n + 3;
  std::vector<float> dst(size_t(m + 1) * width, kUntouched);
  MatmulArgs args{.lhs = lhs_bytes.data(),
                  .lhs_stride = left.stride,
                  .rhs = rhs_bytes.data(),
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
  args.rhs = rhs_bytes.data() + cut / type.nr * weights.shape.panel_bytes;
  run(args);
  ASSERT_EQ(parts, dst) << "cut at " << cut;
}

class MatmulRow : public testing::TestWithParam<const MatmulKernel*> {};

TEST_P(MatmulRow, MatchesExactArithmetic) {
  const MatmulKernel& kernel = *GetParam();
  const MatmulFn run = runnable(kernel);
  if (run == nullptr) GTEST_SKIP() << "this CPU has no " << isa_name(kernel.isa);
  const DTypeInfo& type = dtype_info(kernel.rhs);
  ASSERT_EQ(kernel.nr, type.nr);
  ASSERT_EQ(kernel.kr, type.kr);
  uint32_t seed = 1;
  // Every tail of a tile of 8 tokens; of a taller one the first, the last and some between.
  for (uint32_t m = 1; m <= kernel.mr; m += m < 9 || m >= kernel.mr - 1 ? 1 : std::min(kernel.mr - 1 - m, 14u))
    for (uint32_t n = 1; n <= 2 * kernel.nr + 1; n += n < kernel.nr + 1 ? 1 : 5)
      for (const uint32_t blocks : {1u, 2u, 3u}) check(run, kernel.lhs, kernel.order(), type, m, n, blocks, seed++);
  // Few tokens take several panels at a time: four, two and one, and a short one.
  for (uint32_t m = 1; m <= std::min(kernel.mr, 5u); ++m)
    check(run, kernel.lhs, kernel.order(), type, m, 7 * kernel.nr + 3, 3, seed++);
  for (const uint32_t depth : {2048u, 2400u})
    check(run, kernel.lhs, kernel.order(), type, kernel.mr, 5 * kernel.nr, depth / type.group, seed++);
}

// The extremes that overflow a careless 16-bit intermediate: every activation and weight at the ends of its range.
class MatmulIntegerRow : public MatmulRow {};

TEST_P(MatmulIntegerRow, SurvivesTheLargestIntegers) {
  const MatmulKernel& kernel = *GetParam();
  const MatmulFn run = runnable(kernel);
  if (run == nullptr) GTEST_SKIP() << "this CPU has no " << isa_name(kernel.isa);
  const DTypeInfo& type = dtype_info(kernel.rhs);
  const uint32_t blocks = 3;
  const int levels = lhs_levels(kernel.lhs);
  for (const int activation : {-levels, levels}) {
    for (const uint8_t byte : {uint8_t{0x00}, uint8_t{0xff}, uint8_t{0x80}, uint8_t{0x7f}, uint8_t{0x81}}) {
      std::vector<uint8_t> row(blocks * type.block_bytes, byte);
      for (uint32_t b = 0; b < blocks; ++b) {
        const auto [scale, minimum] = half_fields().at(type.name);
        row[b * type.block_bytes + scale] = 0x00;
        row[b * type.block_bytes + scale + 1] = 0x3c;  // 1
        if (minimum >= 0) row[b * type.block_bytes + minimum] = row[b * type.block_bytes + minimum + 1] = 0;
      }
      std::vector<const void*> pointers(type.nr, row.data());
      AlignedBytes panel(size_t(type.nr) * row.size());
      type.pack_panel(pointers.data(), blocks, panel.data());
      const uint32_t depth = blocks * type.group;
      std::vector<float> x(depth, static_cast<float>(activation)), w(depth);
      const size_t stride = quantized_stride(kernel.lhs, kernel.order(), depth / 32);
      AlignedBytes lhs(stride * kLhsTileRows);
      quantize_row_of(kernel.lhs, kernel.order(), x.data(), depth, depth / 32, 0, lhs.data());
      type.dequantize(row.data(), w.data(), blocks);
      std::vector<float> dst(type.nr);
      run({.lhs = lhs.data(),
           .lhs_stride = stride,
           .rhs = panel.data(),
           .dst = dst.data(),
           .dst_stride = dst.size() * sizeof(float),
           .m = 1,
           .n = type.nr,
           .blocks = blocks});
      // Below 2^24 all sums are exact.
      const Exact want = exact_dot(x, w);
      for (const float got : dst)
        ASSERT_NEAR(got, want.value, want.magnitude < 0x1p24 ? 0 : 1e-6 * want.magnitude)
            << activation << " by bytes " << int(byte);
    }
  }
}

// One token's outputs have the same bits alone and in a tile of any size, by every tuned row of its type that this CPU
// runs: prefill agrees with decode, and a wider instruction set with a narrower one.
TEST(MatmulRows, TunedIntegerRowsAgreeInEveryBit) {
  const std::pair<LhsType, DType> kTypes[] = {
      {LhsType::q8g32, DType::q4g32},     {LhsType::q8g32, DType::q4ag32},     {LhsType::q8g32, DType::q8g32},
      {LhsType::q16g32, DType::q8g32},    {LhsType::q8g32, DType::q4ag32s256}, {LhsType::q8g32, DType::q5ag32s256},
      {LhsType::q8g32, DType::q6g16s256}, {LhsType::q8g32, DType::q3g16s256},  {LhsType::q8g32, DType::q5g32},
      {LhsType::q8g32, DType::iq4g32},    {LhsType::q8g32, DType::q5ag32},     {LhsType::q8g32, DType::iq4g32s256},
      {LhsType::q8g32, DType::q2ag16s256}};
  for (const auto& [lhs, rhs] : kTypes) {
    std::mt19937 random(3);
    constexpr uint32_t kTokens = 67, kColumns = 40, kBlocks = 23;
    const PackedWeights weights(dtype_info(rhs), kColumns, kBlocks, random);
    std::vector<float> first;
    for (const MatmulKernel& kernel : matmul_kernels()) {
      if (kernel.rhs != rhs || kernel.lhs != lhs || kernel.isa == Isa::scalar) continue;
      if (!covers(cpu_isa(), kernel.isa)) continue;
      std::mt19937 tokens(4);
      const LeftSide left(lhs, kernel.order(), kTokens, weights.depth(), tokens);
      std::vector<float> dst(kTokens * kColumns);
      for (uint32_t token = 0; token < kTokens; token += kernel.mr) {
        kernel.run({.lhs = left.bytes->data() + token * left.stride,
                    .lhs_stride = left.stride,
                    .rhs = weights.packed.data(),
                    .dst = dst.data() + token * kColumns,
                    .dst_stride = kColumns * sizeof(float),
                    .m = std::min(kernel.mr, kTokens - token),
                    .n = kColumns,
                    .blocks = kBlocks});
      }
      if (first.empty()) first = dst;
      EXPECT_EQ(dst, first) << kernel.name;
    }
  }
}

std::vector<const MatmulKernel*> rows_with(std::initializer_list<LhsType> lhs) {
  std::vector<const MatmulKernel*> rows;
  for (const MatmulKernel& kernel : matmul_kernels())
    if (std::find(lhs.begin(), lhs.end(), kernel.lhs) != lhs.end()) rows.push_back(&kernel);
  return rows;
}
INSTANTIATE_TEST_SUITE_P(Rows, MatmulRow, testing::ValuesIn(rows_with({LhsType::f32, LhsType::q8g32, LhsType::q16g32})),
                         [](const auto& info) { return std::string(info.param->name); });
INSTANTIATE_TEST_SUITE_P(Rows, MatmulIntegerRow, testing::ValuesIn(rows_with({LhsType::q8g32, LhsType::q16g32})),
                         [](const auto& info) { return std::string(info.param->name); });

class MatmulGeneric : public testing::TestWithParam<const DTypeInfo*> {};

TEST_P(MatmulGeneric, MatchesExactArithmetic) {
  const DTypeInfo& type = *GetParam();
  const MatmulRun run = [&](const MatmulArgs& args) { matmul_generic(type.dtype, args); };
  uint32_t seed = 1;
  for (const uint32_t m : {1u, 2u, 5u, 67u})
    for (const uint32_t n : {1u, 3u, 16u, 37u})
      for (const uint32_t blocks : {1u, 3u}) check(run, LhsType::f32, LhsOrder::rows, type, m, n, blocks, seed++);
  check(run, LhsType::f32, LhsOrder::rows, type, 3, 33, 2112 / type.group, seed);
}
INSTANTIATE_TEST_SUITE_P(Types, MatmulGeneric, testing::ValuesIn(dtypes().begin(), dtypes().end()),
                         [](const auto& info) { return std::string(info.param->name); });

// Every choice that this CPU can be lowered to, at any number of rows.
TEST(RunMatmul, AnyRowsWithEveryChoice) {
  for (const Isa isa :
       {Isa::scalar, Isa::neon, Isa::neon_dotprod, Isa::neon_i8mm, Isa::avx2, Isa::avxvnni, Isa::avx512vnni}) {
    if (!covers(cpu_isa(), isa)) continue;
    for (const DTypeInfo* type : dtypes()) {
      for (const LhsType coarsest : {LhsType::q8g32, LhsType::q16g32, LhsType::f32}) {
        const MatmulChoice choice = choose_matmul(type->dtype, isa, coarsest);
        EXPECT_TRUE(choice.lhs == LhsType::f32 || lhs_levels(choice.lhs) >= lhs_levels(coarsest));
        SCOPED_TRACE(std::string(type->name) + " " + isa_name(isa) + " " + std::to_string(int(coarsest)));
        const MatmulRun run = [&](const MatmulArgs& args) { run_matmul(choice, type->dtype, args); };
        for (const uint32_t m : {1u, 2u, 7u, 19u, 65u})
          check(run, choice.lhs, choice.order(m), *type, m, 35, 512 / type->group, m);
      }
    }
  }
}

}  // namespace
}  // namespace runnel::test
