// The loops count what they do, and the measurements give plausible figures; the figures themselves are the machine's.
#include "runtime/limits/limits.h"

#include <gtest/gtest.h>

#include "kernels/limits/peak.h"

namespace runnel {
namespace {

TEST(Limits, EveryLoopCountsItsWork) {
  alignas(64) uint8_t operands[kPeakOperandBytes] = {};
  for (uint32_t i = 0; peak_loops_row(i) != nullptr; ++i) {
    const PeakLoops& row = *peak_loops_row(i);
    if (!covers(cpu_isa(), row.isa)) continue;
    int32_t sink = 0;
    for (const PeakFn loop : {row.int8, row.f32}) {
      const uint64_t once = loop(operands, 1, &sink);
      EXPECT_GE(once, 500u) << row.name;
      EXPECT_EQ(loop(operands, 5, &sink), 5 * once) << row.name;
      EXPECT_EQ(loop(operands, 0, &sink), 0u) << row.name;
    }
    EXPECT_EQ(sink, 0) << row.name << ": zeros sum to zero";
  }
}

// The largest of the values comes out in the sink, wherever it lies.
TEST(Limits, EveryReadLoopReadsAllItSays) {
  constexpr size_t kCount = 4 * 64;
  alignas(64) float values[kCount] = {};
  for (uint32_t i = 0; peak_loops_row(i) != nullptr; ++i) {
    const PeakLoops& row = *peak_loops_row(i);
    if (!covers(cpu_isa(), row.isa)) continue;
    for (size_t at = 0; at < kCount; at += 16) {  // the first lane
      int32_t sink = 0;
      EXPECT_EQ(row.read(values, kCount, &sink), kCount * sizeof(float)) << row.name;
      EXPECT_EQ(sink, 0) << row.name;
      values[at] = 1;
      row.read(values, kCount, &sink);
      EXPECT_EQ(sink, 1) << row.name << " does not see " << at;
      values[at] = 0;
    }
  }
}

TEST(Limits, RatesArePositiveAndNoThreadsGiveNone) {
  EXPECT_GT(int8_gmac_s(1), 0.01);
  EXPECT_GT(f32_gmac_s(1), 0.01);
  EXPECT_EQ(int8_gmac_s(0), 0);
  EXPECT_EQ(read_gb_s(0), 0);
}

}  // namespace
}  // namespace runnel
