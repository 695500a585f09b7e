#include "runtime/sampler/sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <random>
#include <vector>

#include "kernels/base/memory.h"
#include "runtime/sampler/select.h"

namespace runnel {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

std::vector<float> random_logits(uint32_t count, uint32_t seed, bool ties) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, 3);
  std::vector<float> logits(count);
  for (float& x : logits) x = ties ? std::round(normal(random)) : normal(random);
  return logits;
}

// Straightforward: sorts everything, long double, std::exp.
int32_t reference_pick(std::vector<float> logits, const std::vector<int32_t>& recent, const SamplerOptions& options,
                       Generator* generator) {
  std::map<int32_t, int> seen;
  for (size_t i = recent.size() - std::min<size_t>(recent.size(), options.penalty_tokens); i < recent.size(); ++i)
    ++seen[recent[i]];
  for (const auto& [id, times] : seen) {
    float& x = logits[id];
    x = x > 0 ? x / options.repetition_penalty : x * options.repetition_penalty;
    x -= options.presence_penalty + options.frequency_penalty * static_cast<float>(times);
  }
  std::vector<int32_t> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return logits[a] > logits[b]; });
  if (options.temperature == 0) return order[0];
  if (options.top_k != 0 && options.top_k < order.size()) order.resize(options.top_k);
  const auto probability = [&](int32_t id) {
    return std::exp((static_cast<long double>(logits[id]) - logits[order[0]]) / options.temperature);
  };
  long double total = 0;
  for (const int32_t id : order) total += probability(id);
  if (options.top_p < 1) {
    long double sum = 0;
    size_t kept = 0;
    while (kept < order.size() && sum < options.top_p * total) sum += probability(order[kept++]);
    order.resize(std::max<size_t>(kept, 1));
  }
  while (probability(order.back()) < options.min_p) order.pop_back();
  std::sort(order.begin(), order.end());
  const long double largest =
      probability(*std::max_element(order.begin(), order.end(), [&](int a, int b) { return logits[a] < logits[b]; }));
  EXPECT_GT(largest, 0);
  total = 0;
  const auto first = *std::max_element(order.begin(), order.end(), [&](int a, int b) { return logits[a] < logits[b]; });
  const auto scaled = [&](int32_t id) {
    return std::exp((static_cast<long double>(logits[id]) - logits[first]) / options.temperature);
  };
  for (const int32_t id : order) total += scaled(id);
  long double left = static_cast<long double>(generator->next()) * 0x1p-64L * total;
  for (const int32_t id : order) {
    if (left < scaled(id)) return id;
    left -= scaled(id);
  }
  return order.back();
}

struct Case {
  const char* name;
  SamplerOptions options;
  bool ties;
};
class SamplerTest : public testing::TestWithParam<Case> {};
INSTANTIATE_TEST_SUITE_P(
    Options, SamplerTest,
    testing::Values(Case{"greedy", {}, false}, Case{"greedy_ties", {}, true},
                    Case{"temperature", {.temperature = 0.8f}, false}, Case{"hot", {.temperature = 5.0f}, false},
                    Case{"cold", {.temperature = 0.01f}, false}, Case{"top_k", {.temperature = 1, .top_k = 7}, false},
                    Case{"top_k_ties", {.temperature = 1, .top_k = 5}, true},
                    Case{"top_k_all", {.temperature = 1, .top_k = 100000}, false},
                    Case{"top_1", {.temperature = 1, .top_k = 1}, true},
                    Case{"top_p", {.temperature = 1, .top_p = 0.7f}, false},
                    Case{"top_p_ties", {.temperature = 1, .top_p = 0.5f}, true},
                    Case{"top_p_tiny", {.temperature = 1, .top_p = 1e-9f}, false},
                    Case{"min_p", {.temperature = 1, .min_p = 0.1f}, false},
                    Case{"min_p_one", {.temperature = 1, .min_p = 1.0f}, false},
                    Case{"min_p_hot", {.temperature = 5.0f, .min_p = 0.02f}, false},
                    Case{"min_p_tiny", {.temperature = 1, .min_p = 1e-9f}, false},
                    Case{"top_p_min_p", {.temperature = 1, .top_p = 0.95f, .min_p = 0.01f}, true},
                    Case{"everything", {.temperature = 0.7f, .top_k = 40, .top_p = 0.9f, .min_p = 0.05f}, false},
                    Case{"repetition", {.temperature = 0.9f, .repetition_penalty = 1.3f}, false},
                    Case{"presence", {.presence_penalty = 2.0f, .penalty_tokens = 8}, true},
                    Case{"frequency", {.temperature = 0.5f, .frequency_penalty = 0.4f}, false}),
    [](const auto& info) { return std::string(info.param.name); });

TEST_P(SamplerTest, EqualsTheStraightforwardReference) {
  const Case& row = GetParam();
  for (const uint32_t vocab : {1u, 2u, 3u, 64u, 5000u}) {
    Sampler sampler;
    ASSERT_TRUE(sampler.init(vocab).ok());
    Generator generator(7), reference_generator(7);
    for (uint32_t round = 0; round < 60; ++round) {
      const auto logits = random_logits(vocab, round, row.ties);
      std::vector<int32_t> recent(round);
      for (uint32_t i = 0; i < round; ++i) recent[i] = static_cast<int32_t>(i * i % vocab);
      const auto picked = sampler.pick(logits, recent, row.options, &generator);
      ASSERT_TRUE(picked.ok()) << picked.status().message();
      ASSERT_EQ(*picked, reference_pick(logits, recent, row.options, &reference_generator))
          << "vocab " << vocab << " round " << round;
    }
  }
}

TEST(Sampler, DrawsInProportion) {
  Sampler sampler;
  ASSERT_TRUE(sampler.init(3).ok());
  const float logits[] = {std::log(0.5f), std::log(0.3f), std::log(0.2f)};
  Generator generator(1);
  int counts[3] = {};
  for (int i = 0; i < 30000; ++i) ++counts[*sampler.pick(logits, {}, {.temperature = 1}, &generator)];
  EXPECT_NEAR(counts[0], 15000, 400);
  EXPECT_NEAR(counts[1], 9000, 400);
  EXPECT_NEAR(counts[2], 6000, 400);
}

TEST(Sampler, SameSeedSamePicksAndKnownNumbers) {
  Generator a(42), b(42), c(43);
  EXPECT_EQ(a.next(), b.next());
  EXPECT_NE(b.next(), c.next());
  // Computed once with the authors' C code for xoshiro256++ and splitmix64, seed 0.
  Generator zero(0);
  EXPECT_EQ(zero.next(), 0x53175d61490b23dfu);
  EXPECT_EQ(zero.next(), 0x61da6f3dc380d507u);
}

TEST(Sampler, LogitsThatAreNoNumbersAreAStatus) {
  Sampler sampler;
  ASSERT_TRUE(sampler.init(4).ok());
  Generator generator;
  for (const float temperature : {0.0f, 1.0f}) {
    const SamplerOptions options{.temperature = temperature, .top_k = 2, .top_p = 0.5f};
    EXPECT_EQ(sampler.pick(std::vector<float>{0, NAN, 1, 2}, {}, options, &generator).status().code(), Code::internal);
    EXPECT_EQ(sampler.pick(std::vector<float>{NAN, 0, 1, 2}, {}, options, &generator).status().code(), Code::internal);
    EXPECT_EQ(sampler.pick(std::vector<float>{0, 1, 2, kInfinity}, {}, options, &generator).status().code(),
              Code::internal);
    EXPECT_EQ(sampler.pick(std::vector<float>(4, -kInfinity), {}, options, &generator).status().code(), Code::internal);
    EXPECT_EQ(*sampler.pick(std::vector<float>{-kInfinity, -kInfinity, -1e38f, -kInfinity}, {}, options, &generator),
              2);
  }
}

TEST(Sampler, OptionsOutOfRangeAreRefused) {
  const SamplerOptions bad[] = {{.temperature = -1},
                                {.temperature = NAN},
                                {.temperature = kInfinity},
                                {.top_p = 0},
                                {.top_p = 1.5f},
                                {.top_p = NAN},
                                {.min_p = -0.1f},
                                {.min_p = 2},
                                {.repetition_penalty = 0},
                                {.repetition_penalty = NAN},
                                {.presence_penalty = NAN},
                                {.frequency_penalty = kInfinity},
                                {.penalty_tokens = 5000}};
  for (const SamplerOptions& options : bad) EXPECT_EQ(check_sampler_options(options).code(), Code::invalid_argument);
  EXPECT_TRUE(check_sampler_options({}).ok());
  EXPECT_STREQ(check_sampler_options({.top_p = 1.5f}).message(),
               "sampler: top_p is 1.5, expected more than 0, at most 1");
}

TEST(Sampler, RecentIdsOutsideTheVocabularyAreIgnored) {
  Sampler sampler;
  ASSERT_TRUE(sampler.init(2).ok());
  Generator generator;
  const std::vector<int32_t> recent = {-1, 2, INT32_MAX, 1};
  EXPECT_EQ(*sampler.pick(std::vector<float>{1, 1.5f}, recent, {.presence_penalty = 1}, &generator), 0);
}

TEST(Sampler, AllocationFailureAndHugeVocabulary) {
  EXPECT_EQ(Sampler().init(0).code(), Code::unsupported);
  EXPECT_EQ(Sampler().init(1u << 30).code(), Code::unsupported);
  for (int fail_at = 0; fail_at < 7; ++fail_at) {
    int left = fail_at;
    set_allocation_gate([](void* context, size_t) noexcept { return (*static_cast<int*>(context))-- != 0; }, &left);
    const Status status = Sampler().init(100);
    set_allocation_gate(nullptr, nullptr);
    EXPECT_EQ(status.code(), Code::out_of_memory);
  }
}

TEST(Select, OrderKeyOrdersFloats) {
  const float ascending[] = {-kInfinity, -3e38f, -1, -1e-40f, 0.0f, 1e-40f, 1, 3e38f, kInfinity};
  for (size_t i = 1; i < std::size(ascending); ++i) EXPECT_LT(order_key(ascending[i - 1]), order_key(ascending[i]));
  EXPECT_EQ(order_key(-0.0f), order_key(0.0f));
}

}  // namespace
}  // namespace runnel
