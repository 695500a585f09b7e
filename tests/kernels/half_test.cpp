// float16 and bfloat16 conversions: every half value, and every rounding case down, against arithmetic in double.
#include "kernels/half.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace runnel {
namespace {

// The value of a half by the definition of the format.
double half_value(uint16_t half) {
  const int exponent = (half >> 10) & 31;
  const double fraction = (half & 1023) / 1024.0;
  double value = exponent == 0 ? std::ldexp(fraction, -14) : std::ldexp(1 + fraction, exponent - 15);
  if (exponent == 31) value = fraction == 0 ? std::numeric_limits<double>::infinity() : std::nan("");
  return half & 0x8000 ? -value : value;
}

TEST(Half, EveryF16ComesUpExactly) {
  for (uint32_t h = 0; h < 65536; ++h) {
    const float up = f16_to_f32(static_cast<uint16_t>(h));
    const double want = half_value(static_cast<uint16_t>(h));
    if (std::isnan(want)) {
      EXPECT_TRUE(std::isnan(up)) << h;
      EXPECT_EQ(f32_to_f16(up), h | 0x200) << "a quiet not-a-number keeps its payload";
    } else {
      EXPECT_EQ(up, want) << h;
      EXPECT_EQ(std::signbit(up), (h & 0x8000) != 0) << h;
      EXPECT_EQ(f32_to_f16(up), h);
    }
  }
}

// Between each pair of neighbouring halves: just above, just below and at the middle. The middle goes to the even one.
TEST(Half, F16RoundsToNearestEven) {
  for (uint32_t low = 0; low < 0x7bff; ++low) {
    const double a = half_value(static_cast<uint16_t>(low)), b = half_value(static_cast<uint16_t>(low + 1));
    const float middle = static_cast<float>((a + b) / 2);
    for (const float sign : {1.0f, -1.0f}) {
      const uint32_t s = sign < 0 ? 0x8000u : 0u;
      ASSERT_EQ(f32_to_f16(sign * middle), s | (low & 1 ? low + 1 : low)) << low;
      ASSERT_EQ(f32_to_f16(sign * std::nextafter(middle, 0.0f)), s | low) << low;
      ASSERT_EQ(f32_to_f16(sign * std::nextafter(middle, 1e9f)), s | (low + 1)) << low;
    }
  }
}

TEST(Half, F16Edges) {
  EXPECT_EQ(f32_to_f16(65504.0f), 0x7bff);
  EXPECT_EQ(f32_to_f16(std::nextafter(65520.0f, 0.0f)), 0x7bff);
  EXPECT_EQ(f32_to_f16(65520.0f), 0x7c00);
  EXPECT_EQ(f32_to_f16(1e30f), 0x7c00);
  EXPECT_EQ(f32_to_f16(-std::numeric_limits<float>::infinity()), 0xfc00);
  EXPECT_EQ(f32_to_f16(std::numeric_limits<float>::denorm_min()), 0);
  EXPECT_EQ(f32_to_f16(-0.0f), 0x8000);
  EXPECT_EQ(f32_to_f16(0x1p-25f), 0);    // half of the smallest: ties to even
  EXPECT_EQ(f32_to_f16(0x1.8p-24f), 2);  // ties to even upwards
  EXPECT_EQ(f32_to_f16(std::nextafter(0x1p-25f, 1.0f)), 1);
}

TEST(Half, EveryBf16RoundTripsAndRoundsToNearestEven) {
  for (uint32_t b = 0; b < 65536; ++b) {
    const float up = bf16_to_f32(static_cast<uint16_t>(b));
    EXPECT_EQ(std::bit_cast<uint32_t>(up), b << 16);
    if (std::isnan(up)) {
      EXPECT_EQ(f32_to_bf16(up), b | 0x40);
      continue;
    }
    ASSERT_EQ(f32_to_bf16(up), b);
    if ((b & 0x7fff) >= 0x7f80) continue;
    const uint32_t middle = (b << 16) | 0x8000;
    ASSERT_EQ(f32_to_bf16(std::bit_cast<float>(middle)), b & 1 ? b + 1 : b);
    ASSERT_EQ(f32_to_bf16(std::bit_cast<float>(middle - 1)), b);
    ASSERT_EQ(f32_to_bf16(std::bit_cast<float>(middle + 1)), b + 1);
  }
  // A payload in the low bits only must not become infinity.
  EXPECT_TRUE(std::isnan(bf16_to_f32(f32_to_bf16(std::bit_cast<float>(0x7f800001u)))));
}

}  // namespace
}  // namespace runnel
