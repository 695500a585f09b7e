// Every type that can be written: error bounds on normal values, exactness on what it can represent, and floats that
// are not finite.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "kernels/dtype.h"
#include "kernels/half.h"
#include "tests/kernels/dtypes/random_blocks.h"

namespace runnel::test {
namespace {

std::vector<float> round_trip(const DTypeInfo& type, const std::vector<float>& x) {
  const size_t blocks = x.size() / type.group;
  std::vector<uint8_t> bytes(blocks * type.block_bytes + 1, 0xa5);
  std::vector<float> out(x.size());
  type.quantize(x.data(), bytes.data(), blocks);
  EXPECT_EQ(bytes.back(), 0xa5) << "wrote past the end";
  type.dequantize(bytes.data(), out.data(), blocks);
  return out;
}

double relative_rms(const std::vector<float>& x, const std::vector<float>& y) {
  double error = 0, total = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    error += (double(x[i]) - y[i]) * (double(x[i]) - y[i]);
    total += double(x[i]) * x[i];
  }
  return std::sqrt(error / total);
}

std::vector<float> normal_values(size_t count, float deviation, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, deviation);
  std::vector<float> x(count);
  for (float& value : x) value = normal(random);
  return x;
}

class Quantiser : public testing::TestWithParam<const DTypeInfo*> {
 protected:
  const DTypeInfo& type() const { return *GetParam(); }
};

TEST_P(Quantiser, ErrorOnNormalValuesStaysWithinTheTypesBound) {
  static const std::map<std::string, double> bounds = {{"f32", 0},       {"f16", 0.00025},  {"bf16", 0.002},
                                                       {"q8g32", 0.006}, {"q4g32", 0.0815}, {"q4ag32", 0.074}};
  for (const float deviation : {1.0f, 0.02f, 30.0f}) {
    const std::vector<float> x = normal_values(1 << 16, deviation, 1);
    EXPECT_LE(relative_rms(x, round_trip(type(), x)), bounds.at(type().name)) << deviation;
  }
}

// Values that the type holds come back as they were.
TEST_P(Quantiser, RepresentableValuesAreExact) {
  std::mt19937 random(2);
  std::vector<uint8_t> bytes = random_blocks(type(), 4096 / type().group, random);
  for (size_t b = 0; b < bytes.size() / type().block_bytes; ++b) {
    uint8_t* block = bytes.data() + b * type().block_bytes;
    if (type().group == 1) continue;
    block[1] = static_cast<uint8_t>((block[1] & 0x03) | 0x2c);  // positive, about 2^-4
    if (type().dtype == DType::q8g32) {
      for (int i = 2; i < 34; ++i) block[i] = block[i] == 0x80 ? 0x81 : block[i];
      block[2] = 127;  // the largest level is in use
    } else {
      block[type().block_bytes - 1] = 0xf0;  // both ends of the levels are in use
      if (type().dtype == DType::q4ag32) {
        block[0] = block[2] = 0;  // few bits, so that scale * q + minimum is exact in float16 steps
        block[3] = 0xbc;
        block[1] = 0x2c;
      }
    }
  }
  const size_t blocks = bytes.size() / type().block_bytes;
  std::vector<float> x(blocks * type().group);
  type().dequantize(bytes.data(), x.data(), blocks);
  const std::vector<float> y = round_trip(type(), x);
  for (size_t i = 0; i < x.size(); ++i) ASSERT_EQ(y[i], x[i]) << i;
}

TEST_P(Quantiser, ZerosAndTinyValues) {
  for (const float tiny : {0.0f, -0.0f, 1e-40f, -1e-44f})
    for (const float y : round_trip(type(), std::vector<float>(type().group * 2, tiny))) EXPECT_NEAR(y, tiny, 1e-40);
}

TEST_P(Quantiser, WhatIsNotFiniteIsTamed) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  std::vector<float> x = normal_values(type().group * 8, 1.0f, 3);
  for (size_t i = 0; i < x.size(); i += 5) x[i] = std::numeric_limits<float>::quiet_NaN();
  std::vector<float> zeroed = x;
  for (float& value : zeroed) value = std::isnan(value) ? 0 : value;
  EXPECT_EQ(round_trip(type(), x), round_trip(type(), zeroed));

  const float largest = std::numeric_limits<float>::max();
  for (const float bad : {kInfinity, -kInfinity, largest, -largest}) {
    std::vector<float> y(type().group, bad);
    for (const float value : round_trip(type(), y)) {
      EXPECT_TRUE(std::isfinite(value));
      EXPECT_EQ(std::signbit(value), std::signbit(bad));
      EXPECT_GE(std::abs(value), 65504) << "clamps to the largest, not to less";
    }
  }
  std::vector<float> both(std::max(2u, type().group), kInfinity);
  both[1] = -kInfinity;
  for (const float value : round_trip(type(), both)) EXPECT_TRUE(std::isfinite(value));
}

std::vector<const DTypeInfo*> writable() {
  std::vector<const DTypeInfo*> types;
  for (const DTypeInfo* type : dtypes())
    if (type->quantize != nullptr) types.push_back(type);
  return types;
}
INSTANTIATE_TEST_SUITE_P(Rows, Quantiser, testing::ValuesIn(writable()),
                         [](const auto& info) { return std::string(info.param->name); });

double squared_error(const float* x, const float* y) {
  double error = 0;
  for (int i = 0; i < 32; ++i) error += (double(x[i]) - y[i]) * (double(x[i]) - y[i]);
  return error;
}

// GGUF's rule: the value of largest magnitude becomes -8.
void plain_q4(const float* x, float* y) {
  float furthest = 0;
  for (int i = 0; i < 32; ++i) furthest = std::abs(x[i]) > std::abs(furthest) ? x[i] : furthest;
  const float exact = furthest / -8, stored = f16_to_f32(f32_to_f16(exact));
  for (int i = 0; i < 32; ++i) y[i] = exact == 0 ? 0 : stored * (std::min(15.0f, std::floor(x[i] / exact + 8.5f)) - 8);
}

void plain_q4a(const float* x, float* y) {
  const float low = *std::min_element(x, x + 32), high = *std::max_element(x, x + 32), exact = (high - low) / 15;
  const float scale = f16_to_f32(f32_to_f16(exact)), minimum = f16_to_f32(f32_to_f16(low));
  for (int i = 0; i < 32; ++i)
    y[i] = (exact == 0 ? 0 : scale * std::min(15.0f, std::floor((x[i] - low) / exact + 0.5f))) + minimum;
}

// Each block at least as good as by the plain rule (but for the float16 rounding of the scale), and the whole better.
TEST(Quantise, FourBitsBeatThePlainRuleInEveryBlock) {
  for (const DType dtype : {DType::q4g32, DType::q4ag32}) {
    const DTypeInfo& type = dtype_info(dtype);
    std::mt19937 random(5);
    std::student_t_distribution<float> heavy(4);
    std::vector<float> x = normal_values(1 << 16, 0.1f, 4);
    for (size_t i = x.size() / 2; i < x.size(); ++i) x[i] = heavy(random);
    const std::vector<float> y = round_trip(type, x);
    double ours = 0, theirs = 0;
    for (size_t b = 0; b < x.size(); b += 32) {
      float plain[32];
      (dtype == DType::q4g32 ? plain_q4 : plain_q4a)(&x[b], plain);
      const double error = squared_error(&x[b], &y[b]), plain_error = squared_error(&x[b], plain);
      ASSERT_LE(error, plain_error * 1.002) << type.name << " block " << b / 32;
      ours += error;
      theirs += plain_error;
    }
    EXPECT_LT(std::sqrt(ours / theirs), 0.97) << type.name;
    RecordProperty(std::string(type.name) + "_to_plain", std::to_string(std::sqrt(ours / theirs)));
  }
}

}  // namespace
}  // namespace runnel::test
