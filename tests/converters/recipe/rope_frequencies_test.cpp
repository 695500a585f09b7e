// Rotary frequencies under each scaling, against the formulas' fixed points.
#include "converters/recipe/rope_frequencies.h"

#include <gtest/gtest.h>

#include <cmath>

namespace runnel {
namespace {

RopeScaling scaling(const char* kind) {
  RopeScaling s;
  s.kind = kind;
  s.base = 500000;
  s.dim = 128;
  s.factor = 8;
  s.original_length = 8192;
  return s;
}

std::vector<float> frequencies(const RopeScaling& s) {
  Result<RopeParams> result = rope_frequencies(s);
  EXPECT_TRUE(result.ok()) << result.status().message();
  return result.ok() ? result->inv_freq : std::vector<float>();
}

TEST(RopeFrequencies, PlainOnesFallGeometrically) {
  const std::vector<float> f = frequencies(scaling("default"));
  ASSERT_EQ(f.size(), 64u);
  EXPECT_EQ(f[0], 1.0f);
  for (size_t i = 1; i < f.size(); ++i) EXPECT_NEAR(f[i] / f[i - 1], std::pow(500000.0, -1.0 / 64), 1e-6);
}

TEST(RopeFrequencies, LinearDividesAll) {
  const std::vector<float> plain = frequencies(scaling("default")), f = frequencies(scaling("linear"));
  for (size_t i = 0; i < f.size(); ++i) EXPECT_FLOAT_EQ(f[i], plain[i] / 8);
}

// Short waves stay, long ones are stretched by the factor, and between them the divisor only grows.
TEST(RopeFrequencies, Llama3KeepsShortWavesAndStretchesLongOnes) {
  const std::vector<float> plain = frequencies(scaling("default")), f = frequencies(scaling("llama3"));
  double last = 1;
  int blended = 0;
  for (size_t i = 0; i < f.size(); ++i) {
    const double wavelength = 2 * M_PI / plain[i], divisor = plain[i] / f[i];
    if (wavelength < 8192 / 4.0) {
      EXPECT_EQ(f[i], plain[i]) << i;
    }
    if (wavelength > 8192) {
      EXPECT_FLOAT_EQ(f[i], plain[i] / 8) << i;
    }
    EXPECT_GE(divisor, last * (1 - 1e-6)) << i;
    blended += divisor > 1.001 && divisor < 7.999;
    last = divisor;
  }
  EXPECT_GE(blended, 3);
}

TEST(RopeFrequencies, YarnKeepsFastDimensionsAndInterpolatesSlowOnes) {
  RopeScaling s = scaling("yarn");
  s.factor = 4;
  s.base = 1000000;
  s.original_length = 32768;
  Result<RopeParams> yarn = rope_frequencies(s);
  ASSERT_TRUE(yarn.ok());
  EXPECT_FLOAT_EQ(yarn->amplitude, static_cast<float>(0.1 * std::log(4.0) + 1));
  s.kind = "default";
  const std::vector<float> plain = frequencies(s);
  EXPECT_EQ(yarn->inv_freq.front(), plain.front());
  EXPECT_FLOAT_EQ(yarn->inv_freq.back(), plain.back() / 4);
  // The authors' ramp for these numbers runs from dimension 23 to 40 (of 64 pairs).
  EXPECT_EQ(yarn->inv_freq[23], plain[23]);
  EXPECT_LT(yarn->inv_freq[24], plain[24]);
  EXPECT_GT(yarn->inv_freq[39], plain[39] / 4 * 1.001f);
  EXPECT_FLOAT_EQ(yarn->inv_freq[40], plain[40] / 4);
  s.kind = "yarn";
  s.amplitude = 1.5;
  EXPECT_EQ(rope_frequencies(s)->amplitude, 1.5f);
}

TEST(RopeFrequencies, ExplicitDivisors) {
  RopeScaling s = scaling("default");
  s.dim = 4;
  s.base = 100;
  s.divisors = {1, 2};
  EXPECT_EQ(frequencies(s), (std::vector<float>{1.0f, 0.05f}));
  s.divisors = {1};
  EXPECT_EQ(rope_frequencies(s).status().code(), Code::corrupt_file);
  s.divisors = {1, 0};
  EXPECT_EQ(rope_frequencies(s).status().code(), Code::corrupt_file);
}

TEST(RopeFrequencies, RefusesWhatMakesNoSense) {
  Result<RopeParams> unknown = rope_frequencies(scaling("longrope"));
  ASSERT_FALSE(unknown.ok());
  EXPECT_EQ(unknown.status().code(), Code::unsupported);
  EXPECT_NE(std::string(unknown.status().message()).find("'longrope'"), std::string::npos);
  RopeScaling s = scaling("linear");
  s.factor = 0;
  EXPECT_FALSE(rope_frequencies(s).ok());
  s = scaling("llama3");
  s.original_length = NAN;
  EXPECT_FALSE(rope_frequencies(s).ok());
  s = scaling("llama3");
  s.high_freq_factor = s.low_freq_factor;
  EXPECT_FALSE(rope_frequencies(s).ok());
  s = scaling("default");
  s.dim = 7;
  EXPECT_FALSE(rope_frequencies(s).ok());
  s.dim = 1u << 26;  // a claim of the file: refused before any frequency is computed
  EXPECT_FALSE(rope_frequencies(s).ok());
  s = scaling("default");
  s.base = -1;
  EXPECT_FALSE(rope_frequencies(s).ok());
}

}  // namespace
}  // namespace runnel
