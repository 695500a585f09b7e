// Sessions that follow a text while it is typed.
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "runnel/session.h"
#include "tests/support/tiny_model_file.h"
#include "tests/support/tiny_session.h"

namespace runnel {
namespace {

using test::logits_of;
using test::open_model;
using test::open_session;

using Ids = std::vector<int32_t>;

Ids ids_of(const Model& model, std::string_view text) {
  Array<int32_t> ids;
  EXPECT_TRUE(model.tokenize(text, {}, &ids).ok());
  return {ids.begin(), ids.end()};
}

Ids tokens_of(const Session& session) { return {session.tokens().begin(), session.tokens().end()}; }

std::vector<float> logits_alone(std::span<const int32_t> ids) {
  const Model model = open_model({.share_prefixes = false});
  Session session = open_session(model);
  EXPECT_TRUE(session.append(ids).ok());
  return logits_of(session);
}

// Typing, changes in the middle, deleting, at several speeds: at any moment the session is what the text says.
TEST(SessionSync, HoldsTheNewestText) {
  const Model model = open_model({.sync_sessions = 1, .threads = 2});
  Session session = open_session(model);
  std::string text;
  const std::string typed = "A fox, the quick one, jumps over dogs that sleep.";
  uint32_t state = 1;
  for (uint32_t key = 0; key < 120; ++key) {
    state = state * 1664525u + 1013904223u;
    const uint32_t draw = state >> 16;
    if (text.size() > 10 && draw % 7 == 0) {
      text.resize(text.size() - 1 - draw % 5);
    } else {
      text.insert(draw % 11 == 0 ? text.size() / 2 : text.size(), 1, typed[key % typed.size()]);
    }
    ASSERT_TRUE(session.sync(text).ok());
    if (draw % 3 == 0) std::this_thread::sleep_for(std::chrono::microseconds(draw % 3000));
    if (draw % 5 != 0) continue;
    ASSERT_EQ(tokens_of(session), ids_of(model, text)) << "after " << key << " keys: " << text;
    if (draw % 2 == 0) {
      ASSERT_EQ(logits_of(session), logits_alone(session.tokens())) << text;
    }
  }
}

// After a pause everything is there: nothing is left to compute for the first token.
TEST(SessionSync, ComputesBehind) {
  const Model model = open_model({.sync_sessions = 1, .share_prefixes = false});
  Session session = open_session(model);
  const std::string text = "Once upon a time there was a fox.";
  bool behind = false;
  for (int attempt = 0; attempt < 50 && !behind; ++attempt) {
    ASSERT_TRUE(session.truncate(0).ok());
    ASSERT_TRUE(session.sync(text).ok());
    std::this_thread::sleep_for(std::chrono::milliseconds(300 + 100 * attempt));
    const auto generated = session.generate({.max_tokens = 1, .ignore_end = true});
    ASSERT_TRUE(generated.ok()) << generated.status().message();
    behind = generated->prefill_tok_s == 0;
  }
  EXPECT_TRUE(behind);
  ASSERT_TRUE(session.truncate(session.position() - 1).ok());
  EXPECT_EQ(logits_of(session), logits_alone(ids_of(model, text)));
}

// Another call stops what is being computed at the next layer: of a long text only a beginning is there by then.
TEST(SessionSync, IsInterrupted) {
  const test::TempFolder folder;
  const std::string path = (folder / "model.rnl").string();
  test::convert_tiny({.layers = 8, .model = 256, .ffn = 704, .context = 8192}, "f32", path);
  const auto model =
      Model::open(path.c_str(), {.context_tokens = 8192, .sync_sessions = 1, .threads = 1, .max_step_tokens = 16});
  ASSERT_TRUE(model.ok()) << model.status().message();
  auto session = Session::create(*model);
  ASSERT_TRUE(session.ok()) << session.status().message();
  std::string text;
  while (ids_of(*model, text).size() < 4000) text += "A fox, the quick one, jumps over dogs that sleep. ";
  ASSERT_TRUE(session->sync(text).ok());
  while (model->kv_usage().used_bytes == 0) std::this_thread::sleep_for(std::chrono::microseconds(100));
  const uint64_t tokens = session->position();  // stops it
  const KvUsage usage = model->kv_usage();
  EXPECT_EQ(tokens, ids_of(*model, text).size());
  const uint64_t all = (usage.used_bytes + usage.cached_bytes + usage.free_bytes) * tokens / 8192;
  EXPECT_LT(usage.used_bytes, all / 2);
}

TEST(SessionSync, AChatThatEndsWithTheMessageBeingTyped) {
  const Model model = open_model({.sync_sessions = 1});
  Session session = open_session(model);
  std::string content;
  for (const char letter : std::string("What is a fox?")) {
    content += letter;
    const std::string messages = R"([{"role":"user","content":")" + content + "\"}]";
    ASSERT_TRUE(session.sync_chat(messages).ok());
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    if (content.size() % 4 != 0) continue;
    Array<int32_t> ids;
    ASSERT_TRUE(model.tokenize_chat(messages, {}, &ids).ok());
    ASSERT_EQ(tokens_of(session), Ids(ids.begin(), ids.end()));
  }
  EXPECT_EQ(logits_of(session), logits_alone(session.tokens()));

  ASSERT_TRUE(session.sync_chat("[{").ok());
  EXPECT_EQ(session.generate({}).status().code(), Code::invalid_argument);
  ASSERT_TRUE(session.sync_chat(R"([{"role":"user","content":"Hi"}])", {.extra_json = R"({"x":1})"}).ok());
  EXPECT_TRUE(session.generate({.max_tokens = 2}).ok());
}

TEST(SessionSync, WhatGoesWrongBehindComesWithTheNextCall) {
  const Model model = open_model({.sync_sessions = 1});
  Session session = open_session(model, {.context_tokens = 16, .when_full = WhenFull::slide});
  const std::string shorter = "ab cd", longer = "ab cd ef gh ij kl mn op qr st uv wx yz";
  ASSERT_TRUE(session.sync(shorter).ok());
  const Ids before = tokens_of(session);
  ASSERT_TRUE(session.sync(longer).ok());
  const Ids common = tokens_of(session);  // asks nothing: the error stays
  EXPECT_LE(common.size(), before.size());
  EXPECT_TRUE(std::equal(common.begin(), common.end(), before.begin()));
  EXPECT_EQ(session.append_text("x").code(), Code::context_full);
  EXPECT_EQ(tokens_of(session), common);
  EXPECT_TRUE(session.append_text("x").ok());

  ASSERT_TRUE(session.sync(longer).ok());
  EXPECT_TRUE(session.replace(before).ok());
  ASSERT_TRUE(session.sync(longer).ok());
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  ASSERT_TRUE(session.sync(shorter).ok());
  EXPECT_TRUE(session.logits().ok());
  // A request to stop is for the next call, not for what runs behind.
  ASSERT_TRUE(session.sync(shorter + " e").ok());
  session.cancel();
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_EQ(session.append_text("x").code(), Code::cancelled);
  EXPECT_EQ(tokens_of(session), ids_of(model, shorter + " e"));
}

TEST(SessionSync, IsPlannedFor) {
  const Model without = open_model({.sessions = 2});
  Session session = open_session(without);
  EXPECT_EQ(session.sync("a").code(), Code::invalid_argument);
  EXPECT_TRUE(session.append_text("a").ok());

  const Model model = open_model({.sessions = 2, .sync_sessions = 1});
  EXPECT_GT(model.plan().private_bytes, without.plan().private_bytes + 512 * 1024);
  EXPECT_EQ(plan_model(test::tiny_model_path().c_str(), {.sync_sessions = 2}).status().code(), Code::invalid_argument);
  Session other = open_session(model);
  {
    Session first = open_session(model);
    ASSERT_TRUE(first.sync("a").ok());
    ASSERT_TRUE(first.sync("ab").ok());
    EXPECT_EQ(other.sync("a").code(), Code::over_budget);
  }
  EXPECT_TRUE(other.sync("a").ok());
  EXPECT_EQ(tokens_of(other), ids_of(model, "a"));
}

// One session is typed into while another one generates and the system asks for memory; a fork in between.
TEST(SessionSync, BesideOtherThreads) {
  const Model model = open_model({.sessions = 3, .sync_sessions = 1, .threads = 2});
  const std::string text = "Tell me of a fox that jumps over the dog";
  std::thread other([&] {
    Session session = open_session(model);
    for (int round = 0; round < 8; ++round) {
      EXPECT_TRUE(session.replace(ids_of(model, text.substr(0, 10 + static_cast<size_t>(round)))).ok());
      EXPECT_TRUE(session.generate({.max_tokens = 20, .ignore_end = true}).ok());
      (void)model.trim();
    }
  });
  Session session = open_session(model);
  for (size_t typed = 1; typed <= text.size(); ++typed) {
    ASSERT_TRUE(session.sync(text.substr(0, typed)).ok());
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    if (typed != 20) continue;
    auto copy = session.fork();
    ASSERT_TRUE(copy.ok()) << copy.status().message();
    EXPECT_EQ(tokens_of(*copy), ids_of(model, text.substr(0, typed)));
    EXPECT_TRUE(copy->generate({.max_tokens = 5, .ignore_end = true}).ok());
  }
  other.join();
  EXPECT_EQ(tokens_of(session), ids_of(model, text));
  EXPECT_EQ(logits_of(session), logits_alone(session.tokens()));
}

}  // namespace
}  // namespace runnel
