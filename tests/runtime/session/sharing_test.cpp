// Sessions over the same KV pages: common beginnings, forks, sliding, pages on demand.
#include <gtest/gtest.h>

#include <algorithm>
#include <thread>
#include <vector>

#include "runnel/session.h"
#include "runtime/bench/shared_prompt_bench.h"
#include "tests/support/tiny_session.h"

namespace runnel {
namespace {

using test::logits_of;
using test::open_model;
using test::open_session;
using test::some_ids;

std::vector<int32_t> answer(Session& session, uint32_t count) {
  const auto generated = session.generate(
      {.max_tokens = count, .sampler = {.temperature = 1, .repetition_penalty = 1.1f, .seed = 3}, .ignore_end = true});
  EXPECT_TRUE(generated.ok()) << generated.status().message();
  return generated.ok() ? std::vector<int32_t>(generated->ids.begin(), generated->ids.end()) : std::vector<int32_t>();
}

TEST(SharedPrefix, GivesTheSameBitsAndSaysWhatItReused) {
  const Model alone = open_model({.share_prefixes = false});
  Session reference = open_session(alone);
  const auto ids = some_ids(75, 1);
  ASSERT_TRUE(reference.append(ids).ok());
  const auto expected = logits_of(reference);
  const auto expected_answer = answer(reference, 30);

  const Model model = open_model({.sessions = 3});
  Session first = open_session(model), second = open_session(model);
  ASSERT_TRUE(first.append(ids).ok());
  ASSERT_TRUE(second.append(ids).ok());
  EXPECT_EQ(logits_of(first), expected);
  EXPECT_EQ(logits_of(second), expected);
  EXPECT_EQ(answer(second, 30), expected_answer);
  EXPECT_EQ(answer(first, 30), expected_answer);

  Session third = open_session(model);
  ASSERT_TRUE(third.append(ids).ok());
  const auto generation = third.generate({.max_tokens = 1, .ignore_end = true});
  ASSERT_TRUE(generation.ok());
  EXPECT_EQ(generation->reused_tokens, 74u);
  EXPECT_EQ(reference.generate({.max_tokens = 1})->reused_tokens, 0u);
}

TEST(SharedPrefix, OutlivesItsSession) {
  const Model model = open_model();
  const auto ids = some_ids(64, 2);
  std::vector<float> expected;
  {
    Session session = open_session(model);
    ASSERT_TRUE(session.append(ids).ok());
    expected = logits_of(session);
  }
  EXPECT_EQ(model.kv_usage().used_bytes, 0u);
  EXPECT_GT(model.kv_usage().cached_bytes, 0u);
  {
    Session session = open_session(model);
    ASSERT_TRUE(session.append(ids).ok());
    EXPECT_EQ(logits_of(session), expected);
    EXPECT_EQ(session.generate({.max_tokens = 1})->reused_tokens, 63u);
  }
  (void)model.trim();
  EXPECT_EQ(model.kv_usage().cached_bytes, 0u);
  Session session = open_session(model);
  ASSERT_TRUE(session.append(ids).ok());
  EXPECT_EQ(session.generate({.max_tokens = 1})->reused_tokens, 0u);
}

// The weights leave the process and come back, while a session goes on as if nothing had been.
TEST(Trim, TakesWeightsOutWithoutLosingThem) {
  const Model model = open_model({.sessions = 2});
  Session session = open_session(model), trimmed = open_session(model);
  ASSERT_TRUE(session.append(some_ids(40, 2)).ok());
  ASSERT_TRUE(trimmed.append(some_ids(40, 2)).ok());
  const auto expected = answer(session, 20);
  EXPECT_GE(model.trim(TrimLevel::weights), model.plan().mapped_bytes / 2);
  EXPECT_EQ(answer(trimmed, 20), expected);
}

TEST(SharedPrefix, EditingGoesBackToWhatWasThere) {
  const Model model = open_model();
  Session session = open_session(model);
  const auto ids = some_ids(60, 1);
  auto edited = ids;
  edited[40] = 7;
  ASSERT_TRUE(session.append(ids).ok());
  const auto expected = logits_of(session);
  ASSERT_TRUE(session.replace(edited).ok());
  EXPECT_NE(logits_of(session), expected);
  ASSERT_TRUE(session.replace(ids).ok());
  EXPECT_EQ(logits_of(session), expected);
}

TEST(Fork, BothGoOnByThemselves) {
  const Model model = open_model({.sessions = 2});
  Session session = open_session(model);
  ASSERT_TRUE(session.append(some_ids(40, 1)).ok());
  const auto before = logits_of(session);
  auto copy = session.fork();
  ASSERT_TRUE(copy.ok()) << copy.status().message();
  EXPECT_EQ(logits_of(*copy), before);
  EXPECT_EQ(session.fork().status().code(), Code::over_budget);
  const auto one = answer(session, 20);
  EXPECT_EQ(answer(*copy, 20), one);
  ASSERT_TRUE(copy->truncate(33).ok());
  ASSERT_TRUE(copy->append(some_ids(5, 9)).ok());
  ASSERT_TRUE(session.truncate(40).ok());
  EXPECT_EQ(logits_of(session), before);
}

TEST(Slide, ForgetsTheOldestAndGoesOn) {
  const Model model = open_model({.context_tokens = 48, .sessions = 2});
  Session session = open_session(model, {.when_full = WhenFull::slide, .keep_tokens = 5});
  const auto ids = some_ids(40, 1);
  ASSERT_TRUE(session.append(ids).ok());
  const auto generated = session.generate({.max_tokens = 100, .sampler = {.temperature = 1}, .ignore_end = true});
  ASSERT_TRUE(generated.ok()) << generated.status().message();
  EXPECT_EQ(generated->finish, FinishReason::length);
  EXPECT_EQ(generated->ids.size(), 100u);
  EXPECT_EQ(session.position() + session.forgotten_tokens(), 140u);
  EXPECT_TRUE(std::equal(ids.begin(), ids.begin() + 5, session.tokens().begin()));
  const auto rest = session.tokens().subspan(5);
  EXPECT_TRUE(std::equal(rest.begin(), rest.end(), generated->ids.end() - static_cast<ptrdiff_t>(rest.size())));
  // What it says is what a session with just those tokens says, which must not find the pages of this one.
  const Model alone = open_model({.context_tokens = 48, .share_prefixes = false});
  Session fresh = open_session(alone);
  ASSERT_TRUE(fresh.append(session.tokens()).ok());
  EXPECT_EQ(logits_of(fresh), logits_of(session));

  ASSERT_TRUE(session.append(some_ids(43, 3)).ok());
  EXPECT_EQ(session.position(), 48u);

  // Where all is to be kept nothing can go.
  const Model short_model = open_model({.context_tokens = 48});
  Session keeps = open_session(short_model, {.when_full = WhenFull::slide, .keep_tokens = 48});
  ASSERT_TRUE(keeps.append(some_ids(40, 1)).ok());
  const auto full = keeps.generate({.max_tokens = 100, .ignore_end = true});
  ASSERT_TRUE(full.ok()) << full.status().message();
  EXPECT_EQ(full->finish, FinishReason::context_full);
  EXPECT_EQ(full->ids.size(), 8u);
  EXPECT_EQ(session.append(some_ids(44, 3)).code(), Code::context_full);
  EXPECT_EQ(session.position(), 48u);
}

TEST(OnDemand, SessionsShareARoomSmallerThanTheirSum) {
  const Model model = open_model({.context_tokens = 128, .sessions = 20, .kv_tokens = 256});
  const auto system = some_ids(64, 1);
  std::vector<Session> sessions;
  for (uint32_t i = 0; i < 6; ++i) {
    sessions.push_back(open_session(model));
    ASSERT_TRUE(sessions.back().append(system).ok());
    ASSERT_TRUE(sessions.back().append(some_ids(20, 10 + i)).ok());
  }
  // Two pages in common and one each.
  EXPECT_EQ(model.kv_usage().used_bytes, model.plan().classes[2].bytes);
  sessions.push_back(open_session(model));
  const Status full = sessions.back().append(some_ids(1, 99));
  EXPECT_EQ(full.code(), Code::context_full) << full.message();
  EXPECT_EQ(sessions.back().position(), 0u);
  // A generation ends when no page is left, and says so.
  const auto generated = sessions[0].generate({.ignore_end = true});
  ASSERT_TRUE(generated.ok()) << generated.status().message();
  EXPECT_EQ(generated->finish, FinishReason::context_full);
  EXPECT_EQ(sessions[0].position(), 97u);  // the page's end, and one that waits
  sessions.erase(sessions.begin() + 1);
  EXPECT_EQ(sessions[0].generate({.max_tokens = 20, .ignore_end = true})->ids.size(), 20u);
}

TEST(SharedPrefix, ManySessionsTakeOnePromptAndTheirTails) {
  const SharedPromptOptions shared{.sessions = 12, .prompt_tokens = 70, .tail_tokens = 30};
  const Model model = open_model(shared_prompt_model(shared, {.threads = 1}));
  const auto figures = bench_shared_prompt(model, shared);
  ASSERT_TRUE(figures.ok()) << figures.status().message();
  // 64 tokens in two pages for all, 36 in two of each one's own.
  const uint64_t page_bytes = figures->used_bytes / (2 + 12 * 2);
  EXPECT_EQ(figures->used_bytes, (2 + 12 * 2) * page_bytes);
  EXPECT_EQ(figures->unshared_bytes, 12 * 4 * page_bytes);
  EXPECT_EQ(bench_shared_prompt(model, {.sessions = 1}).status().code(), Code::invalid_argument);
}

// Sessions on two threads that keep finding each other's pages, one of them trimming.
TEST(SharedPrefix, UnderThreads) {
  const Model model = open_model({.sessions = 2, .threads = 2});
  const auto ids = some_ids(90, 1);
  const auto churn = [&](uint32_t seed) {
    Session session = open_session(model);
    for (uint32_t round = 0; round < 40; ++round) {
      auto own = ids;
      own[20 + (round * 7 + seed) % 70] = 9;
      ASSERT_TRUE(session.replace(own).ok());
      ASSERT_TRUE(session.append(some_ids(3, seed)).ok());
      if (round % 8 == seed) (void)model.trim();
    }
  };
  std::thread other(churn, 1);
  churn(2);
  other.join();
  EXPECT_EQ(model.kv_usage().used_bytes, 0u);
}

}  // namespace
}  // namespace runnel
