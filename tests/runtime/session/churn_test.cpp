// Random operations on sessions of one model, against a simple model of what must hold: a session's tokens are what was
// done to them, and its logits those of a session that shares nothing. RUNNEL_CHURN_OPERATIONS sets how many.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "runnel/session.h"
#include "tests/support/instrumented.h"
#include "tests/support/tiny_models.h"
#include "tests/support/tiny_session.h"

namespace runnel {
namespace {

using test::open_model;

using Ids = std::vector<int32_t>;

uint64_t wanted_operations() {
  const char* given = std::getenv("RUNNEL_CHURN_OPERATIONS");
  return given != nullptr ? std::strtoull(given, nullptr, 10) : test::effort(6000);
}

class Churn {
 public:
  static constexpr uint32_t kSessions = 6, kSnapshots = 3;

  Churn(const Model& model, uint32_t seed)
      : model_(model), alone_model_(open_model({.share_prefixes = false, .threads = 1})), draw_(seed) {
    auto alone = Session::create(alone_model_);
    EXPECT_TRUE(alone.ok());
    alone_.emplace(*std::move(alone));
    // A few beginnings that many sessions have in common.
    for (Ids& beginning : beginnings_) {
      beginning.resize(20 + pick(70));
      for (int32_t& id : beginning) id = static_cast<int32_t>(6 + pick(280));
    }
  }

  void run(uint64_t operations) {
    for (uint64_t i = 0; i < operations && !testing::Test::HasFailure(); ++i) {
      SCOPED_TRACE("operation " + std::to_string(i));
      if (sessions_.size() < 2 || (sessions_.size() < kSessions && pick(12) == 0)) {
        create();
      } else {
        one(pick(static_cast<uint32_t>(sessions_.size())));
      }
    }
    for (Held& held : sessions_) check_logits(held);
    sessions_.clear();
  }
  uint64_t refused() const { return refused_; }
  uint64_t compared() const { return compared_; }

 private:
  struct Held {
    std::unique_ptr<Session> session;
    Ids tokens;
  };

  uint32_t pick(uint32_t count) { return static_cast<uint32_t>(draw_() % count); }
  Ids some_ids(uint32_t most) {
    Ids ids(1 + pick(most));
    for (int32_t& id : ids) id = static_cast<int32_t>(6 + pick(280));
    return ids;
  }
  // What a refused call may say; anything else is a failure.
  bool done(const Status& status) {
    if (status.ok()) return true;
    EXPECT_TRUE(status.code() == Code::context_full) << status.message();
    ++refused_;
    return false;
  }

  void create() {
    auto session = Session::create(model_, {.context_tokens = pick(3) == 0 ? 64u : 0u});
    ASSERT_TRUE(session.ok()) << session.status().message();
    sessions_.push_back({std::make_unique<Session>(*std::move(session)), {}});
  }

  void one(uint32_t at) {
    Held& held = sessions_[at];
    Session& session = *held.session;
    switch (pick(18)) {
      case 0:
      case 1:
      case 2: append(held, some_ids(12)); break;
      case 3:
      case 4: replace(held); break;
      case 5:
      case 6: {
        const uint32_t kept = pick(static_cast<uint32_t>(held.tokens.size()) + 1);
        if (done(session.truncate(kept))) held.tokens.resize(kept);
        break;
      }
      case 7:
      case 8: generate(held); break;
      case 9:
        if (sessions_.size() < kSessions) {
          auto copy = session.fork();
          if (done(copy.status())) {
            Ids tokens = held.tokens;  // held is not valid any more once there is one more
            sessions_.push_back({std::make_unique<Session>(*std::move(copy)), std::move(tokens)});
          }
        }
        break;
      case 10: sessions_.erase(sessions_.begin() + at); return;
      case 11: (void)model_.trim(pick(20) == 0 ? TrimLevel::weights : TrimLevel::prefixes); break;
      case 12: {  // cancelled: nothing happened
        session.cancel();
        const Status status = session.append(some_ids(3));
        if (status.code() != Code::cancelled) {
          EXPECT_EQ(status.code(), Code::context_full) << status.message();
          session.clear_cancel();
        }
        break;
      }
      case 13: sync(held); break;
      case 14: save(held); break;
      case 15: restore(held); break;
      default: check_logits(held); break;
    }
    if (pick(4) != 0) return;  // those that sync go on behind, now and then
    for (const Held& each : sessions_) {
      const auto tokens = each.session->tokens();
      ASSERT_TRUE(std::equal(tokens.begin(), tokens.end(), each.tokens.begin(), each.tokens.end()));
    }
  }

  void append(Held& held, const Ids& ids) {
    if (done(held.session->append(ids))) held.tokens.insert(held.tokens.end(), ids.begin(), ids.end());
  }

  void replace(Held& held) {
    Ids ids = beginnings_[pick(std::size(beginnings_))];
    ids.resize(pick(static_cast<uint32_t>(ids.size())) + 1);
    if (pick(2) == 0) ids.push_back(static_cast<int32_t>(6 + pick(280)));
    const auto common = std::mismatch(ids.begin(), ids.end(), held.tokens.begin(), held.tokens.end());
    if (done(held.session->replace(ids))) {
      held.tokens = ids;
    } else {
      held.tokens.resize(static_cast<size_t>(common.first - ids.begin()));
    }
  }

  void generate(Held& held) {
    if (held.tokens.empty()) return;
    const auto generated = held.session->generate(
        {.max_tokens = 1 + pick(5), .sampler = {.temperature = 1, .seed = pick(100)}, .ignore_end = true});
    if (!done(generated.status())) return;
    EXPECT_LE(generated->reused_tokens, generated->prompt_tokens);
    held.tokens.insert(held.tokens.end(), generated->ids.begin(), generated->ids.end());
  }

  void sync(Held& held) {
    static const std::string text = "The harbour master counted the lighthouse clocks";
    const std::string_view typed = std::string_view(text).substr(0, 1 + pick(40));
    const Status status = held.session->sync(typed);
    if (status.code() == Code::over_budget) return;  // another one does, which is all that is planned for
    ASSERT_TRUE(status.ok()) << status.message();
    Array<int32_t> ids;
    ASSERT_TRUE(model_.tokenize(typed, {}, &ids).ok());
    held.tokens.assign(ids.begin(), ids.end());
  }

  void save(Held& held) {
    const uint32_t file = pick(kSnapshots);
    if (done(held.session->save(snapshot(file).c_str()))) saved_[file] = held.tokens;
  }

  void restore(Held& held) {
    const uint32_t file = pick(kSnapshots);
    if (!saved_[file]) return;
    const Status status = held.session->restore(snapshot(file).c_str());
    if (done(status)) {
      held.tokens = *saved_[file];
    } else if (std::string(status.message()).find("is empty now") != std::string::npos) {
      held.tokens.clear();  // no page was left
    }
  }

  std::string snapshot(uint32_t file) const { return folder_ / ("session" + std::to_string(file)); }

  void check_logits(Held& held) {
    if (held.tokens.empty()) return;
    const auto row = held.session->logits();
    if (!done(row.status())) return;
    ASSERT_TRUE(alone_->truncate(0).ok());
    ASSERT_TRUE(alone_->append(held.tokens).ok());
    const auto expected = alone_->logits();
    ASSERT_TRUE(expected.ok());
    ASSERT_TRUE(std::equal(row->begin(), row->end(), expected->begin(), expected->end()))
        << held.tokens.size() << " tokens";
    ++compared_;
  }

  Model model_, alone_model_;
  std::optional<Session> alone_;
  std::mt19937 draw_;
  Ids beginnings_[4];
  std::vector<Held> sessions_;
  test::TempFolder folder_;
  std::optional<Ids> saved_[kSnapshots];
  uint64_t refused_ = 0, compared_ = 0;
};

void nothing_is_left(const Model& model) {
  EXPECT_EQ(model.kv_usage().used_bytes, 0u);
  EXPECT_EQ(model.kv_usage().shared_bytes, 0u);
  (void)model.trim();
  EXPECT_EQ(model.kv_usage().cached_bytes, 0u);
}

// Room for two contexts and a half, so that calls are refused now and then.
TEST(SessionChurn, HoldsWhatItShould) {
  const Model model = open_model({.sessions = Churn::kSessions, .sync_sessions = 1, .kv_tokens = 320, .threads = 1});
  Churn churn(model, 1);
  churn.run(wanted_operations());
  EXPECT_GT(churn.refused(), 0u);
  EXPECT_GT(churn.compared(), wanted_operations() / 20);
  nothing_is_left(model);
}

TEST(SessionChurn, OnThreads) {
  const Model model =
      open_model({.sessions = 2 * Churn::kSessions, .sync_sessions = 1, .kv_tokens = 640, .threads = 2});
  Churn one(model, 2), two(model, 3);
  std::thread other([&] { two.run(wanted_operations() / 4); });
  one.run(wanted_operations() / 4);
  other.join();
  EXPECT_GT(one.compared() + two.compared(), wanted_operations() / 40);
  nothing_is_left(model);
}

}  // namespace
}  // namespace runnel
