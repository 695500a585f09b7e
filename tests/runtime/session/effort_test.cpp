// Model::set_effort(): how fast tokens come, never which ones.
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <limits>
#include <thread>
#include <vector>

#include "runnel/session.h"
#include "tests/support/tiny_session.h"

namespace runnel {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

std::vector<int32_t> generated(Session& session, uint32_t count) {
  EXPECT_TRUE(session.truncate(0).ok());
  EXPECT_TRUE(session.append(test::some_ids(30)).ok());
  const auto generation = session.generate({.max_tokens = count, .ignore_end = true});
  EXPECT_TRUE(generation.ok()) << generation.status().message();
  return generation.ok() ? std::vector<int32_t>(generation->ids.begin(), generation->ids.end())
                         : std::vector<int32_t>();
}

TEST(Effort, ChangesNoToken) {
  const Model model = test::open_model({.threads = 4});
  Session session = test::open_session(model);
  const auto expected = generated(session, 40);
  ASSERT_EQ(expected.size(), 40u);
  const auto logits = test::logits_of(session);
  for (const Effort& effort : {Effort{.threads = 1}, Effort{.threads = 3}, Effort{.yielding = true},
                               Effort{.threads = 900, .yielding = true, .tokens_per_second = 4000}, Effort{}}) {
    ASSERT_TRUE(model.set_effort(effort).ok());
    EXPECT_EQ(generated(session, 40), expected);
    EXPECT_EQ(test::logits_of(session), logits);
  }
}

TEST(Effort, PaceHoldsUntilItIsLifted) {
  const Model model = test::open_model();
  Session session = test::open_session(model);
  ASSERT_TRUE(model.set_effort({.tokens_per_second = 50}).ok());
  auto start = Clock::now();
  EXPECT_EQ(generated(session, 11).size(), 11u);
  EXPECT_GE(seconds_since(start), 10 / 50.0);

  // Lifted from another thread while a token of an hour's pace is waited for.
  ASSERT_TRUE(model.set_effort({.tokens_per_second = 0.01f}).ok());
  start = Clock::now();
  std::thread other([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    EXPECT_TRUE(model.set_effort({}).ok());
  });
  EXPECT_EQ(generated(session, 11).size(), 11u);
  other.join();
  EXPECT_LT(seconds_since(start), 60);
}

TEST(Effort, CancelEndsTheWaitForAPace) {
  const Model model = test::open_model();
  Session session = test::open_session(model);
  ASSERT_TRUE(model.set_effort({.tokens_per_second = 0.01f}).ok());
  ASSERT_TRUE(session.append(test::some_ids(30)).ok());
  const auto start = Clock::now();
  std::thread other([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    session.cancel();
  });
  const auto generation = session.generate({.max_tokens = 5, .ignore_end = true});
  other.join();
  ASSERT_TRUE(generation.ok());
  EXPECT_EQ(generation->finish, FinishReason::cancelled);
  EXPECT_LE(generation->ids.size(), 1u);  // none where the thread had to wait for its core
  EXPECT_LT(seconds_since(start), 60);
}

TEST(Effort, RefusesRatesThatAreNone) {
  const Model model = test::open_model();
  for (const float rate : {-1.0f, std::nanf(""), std::numeric_limits<float>::infinity(), 1e-9f}) {
    EXPECT_EQ(model.set_effort({.tokens_per_second = rate}).code(), Code::invalid_argument) << rate;
  }
  Session session = test::open_session(model);
  EXPECT_EQ(generated(session, 11).size(), 11u);
}

}  // namespace
}  // namespace runnel
