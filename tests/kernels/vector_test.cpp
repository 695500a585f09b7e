// Every table of row operations against double precision, on operands that end at unmapped memory.
#include "kernels/vector/vector.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <random>
#include <vector>

#include "kernels/half.h"
#include "tests/kernels/emulated/emulated_rows.h"
#include "tests/support/guarded_buffer.h"

namespace runnel {
namespace {

using test::GuardedBuffer;

constexpr uint32_t kLengths[] = {1, 2, 15, 16, 17, 31, 33, 64, 100, 257};

class EachVectorTable : public testing::TestWithParam<const VectorOps*> {
 protected:
  void SetUp() override {
    ops_ = test::runnable(*GetParam());
    if (ops_ == nullptr) GTEST_SKIP() << "this CPU has no " << GetParam()->name;
  }
  const VectorOps& ops() const { return *ops_; }

 private:
  const VectorOps* ops_ = nullptr;
};

struct Row {
  explicit Row(uint32_t n, float spread = 1, uint32_t seed = 1) : memory(n * sizeof(float)) {
    std::mt19937 random(seed * 1000 + n);
    std::normal_distribution<float> normal(0, spread);
    for (uint32_t i = 0; i < n; ++i) (*this)[i] = normal(random);
  }
  float& operator[](size_t i) const { return memory.as<float>()[i]; }
  float* get() const { return memory.as<float>(); }
  GuardedBuffer memory;
};

double relative(double got, double expected) { return std::abs(got - expected) / std::max(std::abs(expected), 1e-30); }

using Reference = std::function<double(double)>;
double silu(double x) { return x / (1 + std::exp(-x)); }
double gelu(double x) { return 0.5 * x * std::erfc(-x / std::sqrt(2.0)); }
double gelu_tanh(double x) { return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x))); }
double relu(double x) { return x > 0 ? x : 0; }

// floor(e^((x - largest) / temperature) * 2^40), whatever the length, down to 0, and the same bits everywhere.
TEST_P(EachVectorTable, Probabilities) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (const uint32_t n : kLengths) {
    for (const float temperature : {0.01f, 0.7f, 1.0f, 30.0f}) {
      Row x(n, 9);
      float largest = x[0];
      for (uint32_t i = 0; i < n; ++i) largest = std::max(largest, x[i]);
      if (n > 20) x[3] = x[20] = -kInfinity;
      if (n > 40) x[40] = -3e38f;
      GuardedBuffer got(n * sizeof(uint64_t)), scalar(n * sizeof(uint64_t));
      ops().probability_row(x.get(), n, largest, temperature, got.as<uint64_t>());
      vector_ops(Isa::scalar).probability_row(x.get(), n, largest, temperature, scalar.as<uint64_t>());
      for (uint32_t i = 0; i < n; ++i) {
        const long double exact = std::exp((static_cast<long double>(x[i]) - largest) / temperature) * 0x1p40L;
        const auto units = static_cast<long double>(got.as<uint64_t>()[i]);
        ASSERT_LE(units, exact * (1 + 1e-12L)) << x[i];
        ASSERT_GT(units, exact * (1 - 1e-12L) - 1) << x[i];
        ASSERT_EQ(got.as<uint64_t>()[i], scalar.as<uint64_t>()[i]) << x[i];
      }
    }
  }
}

TEST_P(EachVectorTable, ActivationsAndGates) {
  const struct {
    void (*row)(const float*, uint32_t, float*) noexcept;
    void (*gated)(const float*, const float*, uint32_t, float*) noexcept;
    Reference reference;
  } all[] = {{ops().silu_row, ops().silu_mul_row, silu},
             {ops().gelu_row, ops().gelu_mul_row, gelu},
             {ops().gelu_tanh_row, ops().gelu_tanh_mul_row, gelu_tanh},
             {ops().relu_row, ops().relu_mul_row, relu}};
  for (const auto& f : all) {
    for (const uint32_t n : kLengths) {
      const Row x(n, 4, 1), up(n, 1, 2), out(n);
      f.row(x.get(), n, out.get());
      for (uint32_t i = 0; i < n; ++i)
        ASSERT_NEAR(out[i], f.reference(x[i]), 4e-7 * std::max(1.0f, std::abs(x[i]))) << x[i];
      f.gated(x.get(), up.get(), n, out.get());
      for (uint32_t i = 0; i < n; ++i)
        ASSERT_NEAR(out[i], f.reference(x[i]) * up[i], 2e-6 * std::max(1.0f, std::abs(x[i] * up[i])));
    }
    Row extremes(4);
    extremes[0] = 1e30f, extremes[1] = -1e30f, extremes[2] = 200, extremes[3] = -200;
    f.row(extremes.get(), 4, extremes.get());
    EXPECT_FLOAT_EQ(extremes[0], 1e30f);
    EXPECT_FLOAT_EQ(extremes[2], 200);
    EXPECT_NEAR(extremes[1], 0, 1e-6);
    EXPECT_NEAR(extremes[3], 0, 1e-6);
  }
}

TEST_P(EachVectorTable, Norms) {
  for (const uint32_t n : kLengths) {
    const Row x(n, 3, 1), weight(n, 1, 2), bias(n, 1, 3), out(n);
    double squares = 0, mean = 0, variance = 0;
    for (uint32_t i = 0; i < n; ++i) squares += double(x[i]) * x[i], mean += x[i];
    mean /= n;
    for (uint32_t i = 0; i < n; ++i) variance += (x[i] - mean) * (x[i] - mean);
    const double rms = 1 / std::sqrt(squares / n + 1e-5), deviation = 1 / std::sqrt(variance / n + 1e-5);
    ops().rms_norm_row(x.get(), weight.get(), 1e-5f, n, out.get());
    for (uint32_t i = 0; i < n; ++i) ASSERT_NEAR(out[i], x[i] * rms * weight[i], 2e-6) << n;
    ops().rms_norm_row(x.get(), nullptr, 1e-5f, n, out.get());
    for (uint32_t i = 0; i < n; ++i) ASSERT_NEAR(out[i], x[i] * rms, 2e-6) << n;
    ops().layer_norm_row(x.get(), weight.get(), bias.get(), 1e-5f, n, out.get());
    for (uint32_t i = 0; i < n; ++i) ASSERT_NEAR(out[i], (x[i] - mean) * deviation * weight[i] + bias[i], 5e-6) << n;
    ops().layer_norm_row(x.get(), nullptr, nullptr, 1e-5f, n, out.get());
    for (uint32_t i = 0; i < n; ++i) ASSERT_NEAR(out[i], (x[i] - mean) * deviation, 5e-6) << n;
  }
}

TEST_P(EachVectorTable, Arithmetic) {
  for (const uint32_t n : kLengths) {
    const Row a(n, 3, 1), b(n, 3, 2), out(n);
    ops().add_row(a.get(), b.get(), n, out.get());
    for (uint32_t i = 0; i < n; ++i) ASSERT_EQ(out[i], a[i] + b[i]);
    ops().mul_row(a.get(), b.get(), n, out.get());
    for (uint32_t i = 0; i < n; ++i) ASSERT_EQ(out[i], a[i] * b[i]);
    ops().scale_row(a.get(), 0.37f, n, out.get());
    for (uint32_t i = 0; i < n; ++i) ASSERT_EQ(out[i], a[i] * 0.37f);
    const Row x(n, 40, 3);
    ops().soft_cap_row(x.get(), 30, n, out.get());
    for (uint32_t i = 0; i < n; ++i) ASSERT_LT(relative(out[i], 30 * std::tanh(x[i] / 30.0)), 1e-6) << x[i];
    ops().add_row(a.get(), b.get(), n, a.get());  // in place
  }
}

TEST_P(EachVectorTable, Softmax) {
  for (const uint32_t n : kLengths) {
    const Row x(n, 5, 1), out(n);
    if (n > 2) x[1] = -INFINITY;
    double maximum = -INFINITY, sum = 0, total = 0;
    for (uint32_t i = 0; i < n; ++i) maximum = std::max(maximum, double(x[i]));
    for (uint32_t i = 0; i < n; ++i) sum += std::exp(x[i] - maximum);
    ops().softmax_row(x.get(), n, out.get());
    for (uint32_t i = 0; i < n; ++i) {
      ASSERT_NEAR(out[i], std::exp(x[i] - maximum) / sum, 1e-6);
      total += out[i];
    }
    EXPECT_NEAR(total, 1, 1e-6);
    if (n > 2) {
      EXPECT_EQ(out[1], 0);
    }
  }
}

TEST_P(EachVectorTable, Rope) {
  for (const uint32_t half : {1u, 3u, 16u, 20u, 40u, 64u}) {
    for (const bool neox : {true, false}) {
      const Row x(2 * half, 1, 1), angle(half, 3, 2), cosine(half), sine(half);
      for (uint32_t i = 0; i < half; ++i) cosine[i] = std::cos(angle[i]), sine[i] = std::sin(angle[i]);
      const std::vector<float> before(x.get(), x.get() + 2 * half);
      (neox ? ops().rope_neox_row : ops().rope_interleaved_row)(x.get(), cosine.get(), sine.get(), half);
      for (uint32_t i = 0; i < half; ++i) {
        const uint32_t p = neox ? i : 2 * i, q = neox ? i + half : 2 * i + 1;
        ASSERT_NEAR(x[p], before[p] * cosine[i] - before[q] * sine[i], 1e-6);
        ASSERT_NEAR(x[q], before[q] * cosine[i] + before[p] * sine[i], 1e-6);
      }
    }
  }
}

TEST_P(EachVectorTable, Halves) {
  for (const uint32_t n : kLengths) {
    const Row x(n, 1000, 1), back(n);
    if (n > 2) x[0] = 1e9f, x[1] = -INFINITY;
    const GuardedBuffer half(n * 2);
    ops().f32_to_f16_row(x.get(), n, half.as<uint16_t>());
    ops().f16_to_f32_row(half.as<const uint16_t>(), n, back.get());
    for (uint32_t i = 0; i < n; ++i) {
      const float clamped = std::min(std::max(x[i], -65504.0f), 65504.0f);
      ASSERT_EQ(half.as<uint16_t>()[i], f32_to_f16(clamped));
      ASSERT_EQ(back[i], f16_to_f32(half.as<uint16_t>()[i]));
    }
  }
}

std::vector<const VectorOps*> rows() {
  std::vector<const VectorOps*> all;
  for (uint32_t i = 0; vector_ops_row(i) != nullptr; ++i) all.push_back(vector_ops_row(i));
  return all;
}
INSTANTIATE_TEST_SUITE_P(Kernels, EachVectorTable, testing::ValuesIn(rows()),
                         [](const auto& info) { return std::string(info.param->name); });

TEST(VectorOps, ChoiceFollowsTheIsa) {
  EXPECT_STREQ(vector_ops(Isa::scalar).name, "scalar");
  EXPECT_TRUE(covers(cpu_isa(), vector_ops(cpu_isa()).isa));
}

}  // namespace
}  // namespace runnel
