// Likelihoods and divergences against closed forms.
#include "runtime/eval/likelihood.h"

#include <gtest/gtest.h>

#include <cmath>

namespace runnel {
namespace {

TEST(Likelihood, UniformRowCostsLogN) {
  const float row[] = {3, 3, 3, 3};
  EXPECT_NEAR(negative_log_likelihood(row, 2), std::log(4.0), 1e-12);
}

TEST(Likelihood, LargeLogitsDoNotOverflow) {
  const float row[] = {1000, 0, -1000};
  EXPECT_NEAR(negative_log_likelihood(row, 0), 0, 1e-12);
  EXPECT_NEAR(negative_log_likelihood(row, 1), 1000, 1e-9);
}

TEST(Likelihood, DivergenceOfTwoCoins) {
  // p = (1/2, 1/2), q = (1/4, 3/4): KL = ln 2 - ln 3 / 2
  const float p[] = {0, 0}, q[] = {0, std::log(3.0f)};
  EXPECT_NEAR(kl_divergence(p, q), std::log(2.0) - 0.5 * std::log(3.0), 1e-7);
  EXPECT_EQ(kl_divergence(p, p), 0);
}

TEST(Likelihood, ArgmaxTakesTheFirstOfEquals) {
  const float row[] = {1, 5, 5, 2};
  EXPECT_EQ(argmax(row), 1u);
}

TEST(Likelihood, PercentileIsNearestRank) {
  double values[] = {5, 1, 4, 2, 3};
  EXPECT_EQ(percentile(values, 0.5), 3);
  EXPECT_EQ(percentile(values, 0.99), 5);
  EXPECT_EQ(percentile(values, 0), 1);
}

}  // namespace
}  // namespace runnel
