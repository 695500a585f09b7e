#include "runnel/session.h"

#include <gtest/gtest.h>
#include <atomic>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/tiny_session.h"

namespace runnel {
namespace {

using test::logits_of;
using test::open_model;
using test::open_session;
using test::some_ids;

// Logits after each id, however they are computed.
std::vector<std::vector<float>> score(Session& session, const std::vector<int32_t>& ids) {
  std::vector<std::vector<float>> rows;
  const Status status = session.score(ids, [&](uint32_t index, std::span<const float> row) {
    EXPECT_EQ(index, rows.size());
    rows.emplace_back(row.begin(), row.end());
    return true;
  });
  EXPECT_TRUE(status.ok()) << status.message();
  return rows;
}

float largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  float largest = a.size() == b.size() ? 0 : INFINITY;
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) largest = std::max(largest, std::abs(a[i] - b[i]));
  return largest;
}

TEST(Session, PrefillDecodeAndScoreAgree) {
  const Model model = open_model({.max_step_tokens = 16, .max_logits_rows = 5});
  EXPECT_EQ(model.plan().max_step_tokens, 16u);
  const auto ids = some_ids(50);
  Session scored = open_session(model);
  const auto rows = score(scored, ids);
  ASSERT_EQ(rows.size(), ids.size());
  EXPECT_EQ(rows.back(), logits_of(scored));
  scored = Session(std::move(scored));
  ASSERT_TRUE(scored.truncate(0).ok());
  Session& session = scored;
  ASSERT_TRUE(session.append(std::span(ids).first(30)).ok());
  EXPECT_LT(largest_difference(logits_of(session), rows[29]), 2e-3f);
  for (size_t i = 30; i < ids.size(); ++i) {
    ASSERT_TRUE(session.append({&ids[i], 1}).ok());
    ASSERT_LT(largest_difference(logits_of(session), rows[i]), 2e-3f) << i;
  }
}

TEST(Session, SameBitsForAnyNumberOfThreads) {
  const auto ids = some_ids(70);
  std::vector<std::vector<float>> reference;
  std::vector<int32_t> reference_ids;
  for (const uint32_t threads : {1u, 2u, 3u, 4u}) {
    const Model model = open_model({.threads = threads, .max_step_tokens = 32, .max_logits_rows = 8});
    Session session = open_session(model);
    ASSERT_TRUE(session.append(ids).ok());
    auto rows = std::vector<std::vector<float>>{logits_of(session)};
    auto more = score(session, some_ids(20, 9));
    rows.insert(rows.end(), more.begin(), more.end());
    const auto answer =
        session.generate({.max_tokens = 20, .sampler = {.temperature = 1, .seed = 3}, .ignore_end = true});
    ASSERT_TRUE(answer.ok()) << answer.status().message();
    const std::vector<int32_t> generated(answer->ids.begin(), answer->ids.end());
    if (threads == 1) {
      reference = rows;
      reference_ids = generated;
    }
    EXPECT_EQ(rows, reference) << threads;
    EXPECT_EQ(generated, reference_ids) << threads;
  }
}

TEST(Session, TruncateAndReplaceGoBackExactly) {
  const Model model = open_model();
  Session session = open_session(model);
  const auto ids = some_ids(40);
  ASSERT_TRUE(session.append(std::span(ids).first(33)).ok());
  const auto expected = logits_of(session);
  ASSERT_TRUE(session.append(std::span(ids).subspan(33)).ok());
  ASSERT_TRUE(session.truncate(32).ok());
  ASSERT_TRUE(session.append({&ids[32], 1}).ok());
  EXPECT_EQ(session.position(), 33u);
  EXPECT_LT(largest_difference(logits_of(session), expected), 2e-3f);

  // The same tokens again: nothing is computed, the logits are still there.
  const auto before = logits_of(session);
  ASSERT_TRUE(session.replace(std::span(ids).first(33)).ok());
  EXPECT_EQ(logits_of(session), before);
  // A prefix of them, then other ones.
  ASSERT_TRUE(session.replace(std::span(ids).first(10)).ok());
  EXPECT_EQ(session.position(), 10u);
  Session fresh = std::move(session);
  const auto ten = logits_of(fresh);
  ASSERT_TRUE(fresh.truncate(0).ok());
  ASSERT_TRUE(fresh.append(std::span(ids).first(10)).ok());
  EXPECT_LT(largest_difference(logits_of(fresh), ten), 2e-3f);
  EXPECT_EQ(fresh.truncate(11).code(), Code::invalid_argument);
}

TEST(Session, WhatDoesNotFitChangesNothing) {
  const Model model = open_model({.context_tokens = 20});
  Session session = open_session(model);
  EXPECT_EQ(session.context(), 20u);
  const auto ids = some_ids(21);
  const Status full = session.append(ids);
  EXPECT_EQ(full.code(), Code::context_full);
  EXPECT_STREQ(full.message(), "session: 0 tokens are held, 21 more do not fit the context of 20");
  ASSERT_TRUE(session.append(std::span(ids).first(18)).ok());
  const auto before = logits_of(session);
  EXPECT_EQ(session.append(std::span(ids).first(3)).code(), Code::context_full);
  EXPECT_EQ(session.score(std::span(ids).first(3), {}).code(), Code::context_full);
  for (const int32_t bad : {-1, 320, INT32_MAX, INT32_MIN}) {
    const int32_t two[] = {ids[0], bad};
    EXPECT_EQ(session.append(two).code(), Code::invalid_argument) << bad;
  }
  EXPECT_EQ(session.position(), 18u);
  EXPECT_EQ(logits_of(session), before);
  const auto answer = session.generate({.ignore_end = true});
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->finish, FinishReason::context_full);
  EXPECT_EQ(answer->ids.size(), 2u);
  EXPECT_EQ(answer->prompt_tokens, 18u);
}

TEST(Session, EmptySessionHasNoLogits) {
  const Model model = open_model();
  Session session = open_session(model);
  EXPECT_EQ(session.logits().status().code(), Code::invalid_argument);
  EXPECT_EQ(session.sample({}).status().code(), Code::invalid_argument);
  EXPECT_EQ(session.generate({}).status().code(), Code::invalid_argument);
  EXPECT_TRUE(session.append({}).ok());
}

TEST(Session, GenerateIsSampleAndAppend) {
  const Model model = open_model();
  Session by_hand = open_session(model);
  const auto ids = some_ids(12);
  const SamplerOptions sampler{.temperature = 0.9f, .top_k = 50, .repetition_penalty = 1.1f, .seed = 11};
  ASSERT_TRUE(by_hand.append(ids).ok());
  by_hand.seed(11);
  std::vector<int32_t> expected;
  for (int i = 0; i < 24; ++i) {
    const auto id = by_hand.next(sampler);
    ASSERT_TRUE(id.ok());
    expected.push_back(*id);
  }
  ASSERT_TRUE(by_hand.truncate(0).ok());
  Session session = std::move(by_hand);
  ASSERT_TRUE(session.append(ids).ok());
  std::string text;
  const auto answer =
      session.generate({.max_tokens = 24, .sampler = sampler, .ignore_end = true}, [&](std::string_view piece) {
        text += piece;
        return true;
      });
  ASSERT_TRUE(answer.ok()) << answer.status().message();
  EXPECT_EQ(std::vector<int32_t>(answer->ids.begin(), answer->ids.end()), expected);
  EXPECT_EQ(answer->finish, FinishReason::length);
  EXPECT_EQ(answer->prompt_tokens, 12u);
  EXPECT_GT(answer->ttft_ms, 0);
  EXPECT_GT(answer->prefill_tok_s, 0);
  EXPECT_GT(answer->decode_tok_s, 0);
  EXPECT_EQ(session.position(), 36u);
  EXPECT_TRUE(std::equal(expected.begin(), expected.end(), session.tokens().begin() + 12));
}

TEST(Session, StopStringEndsTheAnswerBeforeIt) {
  const Model model = open_model();
  Session session = open_session(model);
  const auto ids = some_ids(9);
  const GenerateOptions plain{.max_tokens = 40, .sampler = {.temperature = 1, .seed = 5}, .ignore_end = true};
  ASSERT_TRUE(session.append(ids).ok());
  std::string whole;
  const auto collect = [](std::string* into) {
    return [into](std::string_view piece) {
      *into += piece;
      return true;
    };
  };
  auto into_whole = collect(&whole);
  ASSERT_TRUE(session.generate(plain, into_whole).ok());
  ASSERT_GT(whole.size(), 8u);
  // Three bytes from the middle, at a character's border.
  size_t at = whole.size() / 2;
  while (at < whole.size() && (static_cast<uint8_t>(whole[at]) & 0x80) != 0) ++at;
  ASSERT_LT(at, whole.size()) << "no ASCII in the second half";
  size_t end = at + 1;
  while (end < whole.size() && end < at + 3 && (static_cast<uint8_t>(whole[end]) & 0x80) == 0) ++end;
  const std::string stop = whole.substr(at, end - at);
  const std::string_view stops[] = {stop, "\x01never\x02"};
  GenerateOptions stopping = plain;
  stopping.stop = stops;
  ASSERT_TRUE(session.replace(ids).ok());
  std::string part;
  auto into_part = collect(&part);
  const auto answer = session.generate(stopping, into_part);
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->finish, FinishReason::stop);
  EXPECT_EQ(part, whole.substr(0, whole.find(stop)));
  const std::string_view empty[] = {""};
  stopping.stop = empty;
  EXPECT_EQ(session.generate(stopping).status().code(), Code::invalid_argument);
}

TEST(Session, SinkCanEndIt) {
  const Model model = open_model();
  Session session = open_session(model);
  ASSERT_TRUE(session.append(some_ids(4)).ok());
  int pieces = 0;
  const auto answer = session.generate({.max_tokens = 60, .sampler = {.temperature = 1}, .ignore_end = true},
                                       [&](std::string_view) { return ++pieces < 3; });
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->finish, FinishReason::callback);
  EXPECT_EQ(pieces, 3);
}

TEST(Session, EndTokenEndsUnlessIgnored) {
  const Model model = open_model();
  ASSERT_FALSE(model.info().end_ids.empty());
  Session session = open_session(model);
  // Hot sampling meets an end id of 320 sooner or later.
  uint32_t ended = 0;
  for (uint64_t seed = 0; seed < 40; ++seed) {
    ASSERT_TRUE(session.replace(some_ids(4)).ok());
    const auto answer = session.generate({.sampler = {.temperature = 30, .seed = seed}});
    ASSERT_TRUE(answer.ok());
    if (answer->finish != FinishReason::end) continue;
    ++ended;
    EXPECT_TRUE(model.is_end(answer->ids.back()));
    for (size_t i = 0; i + 1 < answer->ids.size(); ++i) EXPECT_FALSE(model.is_end(answer->ids[i]));
  }
  EXPECT_GT(ended, 0u);
}

TEST(Session, CancelIsTakenByTheNextCallOnce) {
  const Model model = open_model();
  Session session = open_session(model);
  ASSERT_TRUE(session.append(some_ids(5)).ok());
  const auto before = logits_of(session);
  session.cancel();
  EXPECT_EQ(session.append(some_ids(30)).code(), Code::cancelled);
  EXPECT_EQ(session.position(), 5u);
  EXPECT_LT(largest_difference(logits_of(session), before), 2e-3f);
  session.cancel();
  session.clear_cancel();
  EXPECT_TRUE(session.append(some_ids(3)).ok());
  session.cancel();
  const auto answer = session.generate({.max_tokens = 5});
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->finish, FinishReason::cancelled);
  EXPECT_EQ(answer->ids.size(), 0u);
  EXPECT_EQ(session.generate({.max_tokens = 5, .ignore_end = true})->ids.size(), 5u);
}

// Another thread cancels at some point of a prompt; whatever the moment, the session is as before or complete.
TEST(Session, CancelFromAnotherThreadMidPrefill) {
  const Model model = open_model({.share_prefixes = false, .threads = 2, .max_step_tokens = 16});
  Session session = open_session(model);
  const auto ids = some_ids(100);
  ASSERT_TRUE(session.append(std::span(ids).first(3)).ok());
  uint32_t cancelled = 0;
  // Until the request has met a prefill some times, whatever the machine's speed and load.
  for (int round = 0; round < 3000 && cancelled < 5; ++round) {
    std::atomic<bool> go = false;
    std::thread other([&, round] {
      while (!go.load()) {
      }
      const auto until = std::chrono::steady_clock::now() + std::chrono::nanoseconds(round * 500 % 500000);
      while (std::chrono::steady_clock::now() < until) {
      }
      session.cancel();
    });
    go.store(true);
    const Status status = session.append(std::span(ids).subspan(3));
    other.join();
    session.clear_cancel();
    if (status.ok()) {
      EXPECT_EQ(session.position(), 100u);
    } else {
      ++cancelled;
      EXPECT_EQ(status.code(), Code::cancelled);
      EXPECT_EQ(session.position(), 3u);
    }
    ASSERT_TRUE(session.truncate(3).ok());
  }
  EXPECT_GT(cancelled, 0u);
  ASSERT_TRUE(session.append(std::span(ids).subspan(3)).ok());
  const auto after = logits_of(session);
  ASSERT_TRUE(session.truncate(0).ok());
  ASSERT_TRUE(session.append(std::span(ids).first(3)).ok());
  ASSERT_TRUE(session.append(std::span(ids).subspan(3)).ok());
  EXPECT_EQ(after, logits_of(session));
}

TEST(Session, TwoSessionsOnTwoThreadsDoNotMix) {
  const Model model = open_model({.sessions = 2, .threads = 2, .max_step_tokens = 16});
  const auto run = [&](uint32_t seed, std::vector<int32_t>* out) {
    Session session = open_session(model);
    EXPECT_TRUE(session.append(some_ids(40, seed)).ok());
    const auto answer =
        session.generate({.max_tokens = 30, .sampler = {.temperature = 1, .seed = seed}, .ignore_end = true});
    ASSERT_TRUE(answer.ok()) << answer.status().message();
    out->assign(answer->ids.begin(), answer->ids.end());
  };
  std::vector<int32_t> alone[2], together[2];
  run(1, &alone[0]);
  run(2, &alone[1]);
  std::thread other(run, 1, &together[0]);
  run(2, &together[1]);
  other.join();
  EXPECT_EQ(alone[0], together[0]);
  EXPECT_EQ(alone[1], together[1]);
  EXPECT_NE(alone[0], alone[1]);
}

TEST(Session, KeepsItsModelAlive) {
  auto model = std::make_unique<Model>(open_model());
  Session session = open_session(*model);
  model.reset();
  EXPECT_TRUE(session.append(some_ids(3)).ok());
  EXPECT_EQ(session.model().info().architecture, "llama");
}

TEST(Session, TextGoesInAndComesOut) {
  const Model model = open_model();
  Session session = open_session(model);
  ASSERT_TRUE(session.append_text("Hello").ok());
  Array<char> text;
  ASSERT_TRUE(model.detokenize(session.tokens(), false, &text).ok());
  EXPECT_EQ(std::string(text.data(), text.size()), "Hello");
}

}  // namespace
}  // namespace runnel
