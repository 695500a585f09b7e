// A session that was saved goes on elsewhere as if nothing had happened; saving again costs what has changed.
#include <gtest/gtest.h>

#include <sys/stat.h>

#include "kernels/base/memory.h"
#include "runtime/session/session_state.h"
#include "tests/support/small_model.h"
#include "tests/support/snapshot_model.h"

namespace runnel {
namespace {

using test::ids_of;
using test::next_ids;
using test::open_session;
using test::open_snapshot_model;
using test::tokens_of;

class SessionSnapshot : public testing::Test {
 protected:
  SnapshotSaved save(Session& session) {
    SnapshotSaved saved;
    const Status status = session_state(session).save(path_.c_str(), &saved);
    EXPECT_TRUE(status.ok()) << status.message();
    return saved;
  }
  void restore(Session& session) {
    const Status status = session.restore(path_.c_str());
    EXPECT_TRUE(status.ok()) << status.message();
  }
  // That a new session with the snapshot says what `session` says; both move on.
  void expect_twin(Session& session) {
    // Another model object, another number of threads and step length: nothing of the saving process is left.
    const Model model = open_snapshot_model({.threads = 2, .max_step_tokens = 64});
    Session twin = open_session(model);
    restore(twin);
    EXPECT_EQ(tokens_of(twin), tokens_of(session));
    EXPECT_EQ(next_ids(twin, 64), next_ids(session, 64));
    const auto row = session.logits(), other = twin.logits();
    ASSERT_TRUE(row.ok() && other.ok());
    EXPECT_EQ(std::vector<float>(row->begin(), row->end()), std::vector<float>(other->begin(), other->end()));
  }

  test::TempFolder folder_;
  std::string path_ = (folder_ / "session.rns").string();
  Model model_ = open_snapshot_model({.max_step_tokens = 64});
};

TEST_F(SessionSnapshot, GoesOnWithTheSameTokens) {
  for (const uint32_t length : {1u, 31u, 32u, 33u, 500u}) {
    SCOPED_TRACE(length);
    Session session = open_session(model_);
    session.seed(length);
    ASSERT_TRUE(session.append(ids_of(length)).ok());
    save(session);  // the logits after the prompt are known
    expect_twin(session);
    // After an answer, whose last token waits.
    ASSERT_TRUE(session.generate({.max_tokens = 7, .sampler = {.temperature = 1}, .ignore_end = true}).ok());
    save(session);
    expect_twin(session);
    // After going back, with no logits.
    ASSERT_TRUE(session.truncate(session.position() - session.position() / 3).ok());
    save(session);
    expect_twin(session);
  }
  EXPECT_EQ(test::names_in(folder_), std::vector<std::string>{"session.rns"});
}

TEST_F(SessionSnapshot, GenerateGoesOnDrawingWhereItWas) {
  Session session = open_session(model_);
  ASSERT_TRUE(session.append(ids_of(40)).ok());
  const SamplerOptions sampler{.temperature = 1, .seed = 5};
  const auto whole = session.generate({.max_tokens = 40, .sampler = sampler, .ignore_end = true});
  ASSERT_TRUE(whole.ok());
  ASSERT_TRUE(session.replace(ids_of(40)).ok());
  ASSERT_TRUE(session.generate({.max_tokens = 15, .sampler = sampler, .ignore_end = true}).ok());
  save(session);
  ASSERT_TRUE(session.truncate(0).ok());
  session.seed(99);
  restore(session);
  const auto rest =
      session.generate({.max_tokens = 25, .sampler = {.temperature = 1}, .ignore_end = true, .keep_generator = true});
  ASSERT_TRUE(rest.ok());
  EXPECT_TRUE(std::equal(rest->ids.begin(), rest->ids.end(), whole->ids.begin() + 15, whole->ids.end()));
}

TEST_F(SessionSnapshot, AnEmptySessionIsOneToo) {
  Session session = open_session(model_);
  session.seed(7);
  save(session);
  Session other = open_session(open_snapshot_model());
  ASSERT_TRUE(other.append(ids_of(50)).ok());
  restore(other);
  EXPECT_EQ(other.position(), 0u);
  ASSERT_TRUE(session.append(ids_of(9)).ok());
  ASSERT_TRUE(other.append(ids_of(9)).ok());
  EXPECT_EQ(next_ids(session, 20), next_ids(other, 20));
}

TEST_F(SessionSnapshot, SavingAgainWritesWhatChanged) {
  Session session = open_session(model_);
  ASSERT_TRUE(session.append(ids_of(500)).ok());  // 15 whole pages and one of 20 tokens
  SnapshotSaved saved = save(session);
  EXPECT_FALSE(saved.updated);
  EXPECT_EQ(saved.written_pages, 16u);

  saved = save(session);
  EXPECT_TRUE(saved.updated);
  EXPECT_EQ(saved.written_pages, 0u);

  ASSERT_TRUE(session.append(ids_of(20, 2)).ok());  // the last page, and 8 tokens of a new one
  saved = save(session);
  EXPECT_EQ(saved.written_pages, 2u);
  EXPECT_LT(saved.written_bytes, 2 * 8192u + 8192u);

  ASSERT_TRUE(session.truncate(100).ok());
  EXPECT_EQ(save(session).written_pages, 0u);
  ASSERT_TRUE(session.append(ids_of(28, 3)).ok());  // the rest of page 3
  EXPECT_EQ(save(session).written_pages, 1u);
  expect_twin(session);

  // Other tokens from the 70th on: pages 0 and 1 stay, 2 to 7 are new.
  std::vector<int32_t> changed = ids_of(256, 8);
  std::copy_n(session.tokens().begin(), 70, changed.begin());
  ASSERT_TRUE(session.replace(changed).ok());
  EXPECT_EQ(save(session).written_pages, 6u);
  expect_twin(session);
}

TEST_F(SessionSnapshot, ARestoredSessionSavesWhatChanged) {
  {
    Session session = open_session(model_);
    ASSERT_TRUE(session.append(ids_of(500)).ok());
    save(session);
  }
  Session session = open_session(model_);
  restore(session);
  EXPECT_EQ(save(session).written_pages, 0u);
  ASSERT_TRUE(session.append(ids_of(20, 2)).ok());
  EXPECT_EQ(save(session).written_pages, 2u);
  expect_twin(session);
}

TEST_F(SessionSnapshot, KnownLogitsAreNotComputedAgain) {
  Session session = open_session(model_);
  ASSERT_TRUE(session.append(ids_of(40)).ok());
  save(session);
  ASSERT_TRUE(session.truncate(0).ok());
  restore(session);
  session.cancel();  // would be answered by the first step
  const auto row = session.logits();
  EXPECT_TRUE(row.ok()) << row.status().message();
  session.clear_cancel();
}

// A session that does not know the file finds by hashes what is in it already.
TEST_F(SessionSnapshot, AnotherSessionWithTheSamePagesWritesNone) {
  Session session = open_session(model_);
  ASSERT_TRUE(session.append(ids_of(500)).ok());
  save(session);
  ASSERT_TRUE(session.truncate(0).ok());
  ASSERT_TRUE(session.append(ids_of(500)).ok());  // computed anew: the same bits, but nobody said so
  const SnapshotSaved saved = save(session);
  EXPECT_TRUE(saved.updated);
  // The last page's unused part may differ.
  EXPECT_LE(saved.written_pages, 1u);
  expect_twin(session);
}

TEST_F(SessionSnapshot, AFileThatIsSavedToForeverDoesNotGrow) {
  Session session = open_session(model_);
  uint64_t largest = 0;
  for (uint32_t round = 0; round < 60; ++round) {
    ASSERT_TRUE(session.replace(ids_of(300 + round * 37 % 600, round % 5)).ok());
    save(session);
    largest = std::max<uint64_t>(largest, std::filesystem::file_size(path_));
  }
  // Old and new at their largest: 29 pages each, and the state.
  EXPECT_LT(largest, 2 * (29 * 8192u + 3 * 8192u) + 8192u);
  expect_twin(session);
  ASSERT_TRUE(session.truncate(10).ok());
  for (int i = 0; i < 3; ++i) save(session);
  EXPECT_LT(std::filesystem::file_size(path_), 30 * 8192u);
}

TEST_F(SessionSnapshot, TakesAFileOverFromAnyOther) {
  Session session = open_session(model_);
  ASSERT_TRUE(session.append(ids_of(40)).ok());
  test::write_file(path_, std::vector<uint8_t>(20000, 0x5a));  // no snapshot at all
  EXPECT_FALSE(save(session).updated);
  expect_twin(session);
  {
    Session f32 = open_session(open_snapshot_model({.kv = KvType::f32}));
    ASSERT_TRUE(f32.append(ids_of(10)).ok());
    EXPECT_FALSE(save(f32).updated);
  }
  EXPECT_EQ(session.restore(path_.c_str()).code(), Code::stale_snapshot);
  EXPECT_FALSE(save(session).updated);
  // Of a longer context than this session could ever save.
  ASSERT_TRUE(session.append(ids_of(700)).ok());
  save(session);
  Session small = open_session(open_snapshot_model(), {.context_tokens = 64});
  ASSERT_TRUE(small.append(ids_of(40)).ok());
  save(small);
  ASSERT_TRUE(session.truncate(0).ok());
  restore(session);
  EXPECT_EQ(session.position(), 40u);
}

TEST_F(SessionSnapshot, SettingsThatDoNotMatterDoNot) {
  Session session = open_session(model_);
  ASSERT_TRUE(session.append(ids_of(40)).ok());
  save(session);
  for (const OpenOptions& options :
       {OpenOptions{.context_tokens = 60, .max_step_tokens = 16}, OpenOptions{.max_logits_rows = 4}}) {
    Session other = open_session(open_snapshot_model(options));
    restore(other);
    EXPECT_EQ(tokens_of(other), tokens_of(session));
  }
}

TEST_F(SessionSnapshot, TakesNoMemoryToSpeakOf) {
  Session session = open_session(model_);
  ASSERT_TRUE(session.append(ids_of(500)).ok());
  uint64_t bytes = 0;
  set_allocation_gate(
      [](void* context, size_t count) noexcept {
        *static_cast<uint64_t*>(context) += count;
        return true;
      },
      &bytes);
  save(session);
  ASSERT_TRUE(session.append(ids_of(20)).ok());
  save(session);
  restore(session);
  set_allocation_gate(nullptr, nullptr);
  EXPECT_LT(bytes, 2048u) << "three paths";
}

TEST_F(SessionSnapshot, EachFailingAllocationIsAStatus) {
  Session session = open_session(model_);
  ASSERT_TRUE(session.append(ids_of(40)).ok());
  for (int fail_at = 0;; ++fail_at) {
    ASSERT_LT(fail_at, 20);
    int left = fail_at;
    set_allocation_gate([](void* context, size_t) noexcept { return (*static_cast<int*>(context))-- != 0; }, &left);
    const Status status = session.save(path_.c_str());
    set_allocation_gate(nullptr, nullptr);
    if (status.ok()) {
      EXPECT_GT(fail_at, 0);
      break;
    }
    EXPECT_EQ(status.code(), Code::out_of_memory) << status.message();
    EXPECT_TRUE(test::names_in(folder_).empty());
  }
  expect_twin(session);
}

}  // namespace
}  // namespace runnel
