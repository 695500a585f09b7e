// Streamed weights when reading goes wrong: short reads, interruptions, errors in a step, a cut file, cancelling.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <thread>
#include <vector>

#include "runnel/session.h"
#include "runtime/os/direct_io.h"
#include "tests/support/heap_counter.h"
#include "tests/support/small_model.h"
#include "tests/support/tiny_model_file.h"

namespace runnel {
namespace {

std::atomic<uint64_t> g_calls{0};
std::atomic<uint64_t> g_fail_from{UINT64_MAX}, g_fail_to{0};
std::atomic<bool> g_stalled{false};

ssize_t short_read(int fd, void* to, size_t bytes, uint64_t offset) noexcept {
  const uint64_t call = g_calls++;
  if (call % 5 == 3) {
    errno = EINTR;
    return -1;
  }
  if (call % 3 == 0 && bytes > 12288) bytes = 4096 * (1 + call % 2);
  if (call % 7 == 1 && bytes > 12288) bytes = 5000;  // direct reads end at such places at the end of a file
  const ssize_t got = ::pread(fd, to, bytes, static_cast<off_t>(offset));
  return got;
}

ssize_t failing_read(int fd, void* to, size_t bytes, uint64_t offset) noexcept {
  const uint64_t call = g_calls++;
  if (call >= g_fail_from && call < g_fail_to) {
    errno = EIO;
    return -1;
  }
  return ::pread(fd, to, bytes, static_cast<off_t>(offset));
}

ssize_t refusing_read(int fd, void* to, size_t bytes, uint64_t offset) noexcept {
  // As a file system that opens for direct reads but does none.
  if ((::fcntl(fd, F_GETFL) & O_DIRECT) != 0) {
    errno = EINVAL;
    return -1;
  }
  return ::pread(fd, to, bytes, static_cast<off_t>(offset));
}

ssize_t stalling_read(int fd, void* to, size_t bytes, uint64_t offset) noexcept {
  while ((::fcntl(fd, F_GETFL) & O_DIRECT) != 0 && g_stalled.load()) ::usleep(1000);
  return ::pread(fd, to, bytes, static_cast<off_t>(offset));
}

class StreamFaults : public testing::Test {
 protected:
  void SetUp() override {
    test::TinyModel tiny;
    tiny.layers = 3;
    tiny.model = 256;
    tiny.ffn = 704;
    tiny.heads = 4;
    tiny.head_dim = 64;
    tiny.vocab = 1200;
    test::convert_tiny(tiny, "f32", (folder_ / "m.rnl").string());
    options_ = {.context_tokens = 64, .threads = 2, .max_step_tokens = 16};
    const auto mapped = Model::open(path().c_str(), options_);
    ASSERT_TRUE(mapped.ok());
    expected_ = run(*mapped);
    ASSERT_FALSE(expected_.empty());
    options_.weights_mode = WeightsMode::streamed;
    options_.budget_bytes = 1;
    options_.budget_bytes = plan_model(path().c_str(), options_)->private_bytes + (3 << 20);
  }
  void TearDown() override {
    g_stalled = false;
    set_positioned_read(nullptr);
  }
  std::string path() const { return (folder_ / "m.rnl").string(); }
  Result<Model> open() const { return Model::open(path().c_str(), options_); }

  // Logits after a prompt and three tokens; empty when a step failed, whose status is in last_.
  std::vector<float> run(const Model& model) {
    auto session = Session::create(model);
    EXPECT_TRUE(session.ok());
    return run(*session);
  }
  std::vector<float> run(Session& session) {
    EXPECT_TRUE(session.truncate(0).ok());
    last_ = session.append(std::vector<int32_t>{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18});
    for (int32_t i = 0; i < 3 && last_.ok(); ++i) last_ = session.append(std::vector<int32_t>{30 + i});
    if (!last_.ok()) return {};
    const auto row = session.logits();
    return {row->begin(), row->end()};
  }

  test::TempFolder folder_;
  OpenOptions options_;
  std::vector<float> expected_;
  Status last_;
};

TEST_F(StreamFaults, ShortAndInterruptedReads) {
  set_positioned_read(short_read);
  const auto model = open();
  ASSERT_TRUE(model.ok()) << model.status().message();
  EXPECT_EQ(run(*model), expected_) << last_.message();
}

TEST_F(StreamFaults, NoDirectReads) {
  set_positioned_read(refusing_read);
  const auto model = open();
  ASSERT_TRUE(model.ok()) << model.status().message();
  EXPECT_NE(std::strstr(model->plan().weights_note, "through the page cache"), nullptr) << model->plan().weights_note;
  EXPECT_EQ(run(*model), expected_) << last_.message();
}

// Every read of open, then every read of the first steps, fails once.
TEST_F(StreamFaults, ErrorsAreStatusesAndTheSessionGoesOn) {
  set_positioned_read(failing_read);
  g_calls = 0;
  g_fail_from = UINT64_MAX;
  uint64_t open_calls = 0;
  {
    const auto model = open();
    ASSERT_TRUE(model.ok());
    open_calls = g_calls;
  }
  for (uint64_t call = 0; call < open_calls; call += 3) {
    g_calls = 0;
    g_fail_from = call;
    g_fail_to = UINT64_MAX;
    const auto model = open();
    if (model.ok()) continue;  // the ring's own first reads: steps meet them
    EXPECT_EQ(model.status().code(), Code::io) << model.status().message();
  }
  g_fail_from = UINT64_MAX;
  const auto model = open();
  ASSERT_TRUE(model.ok());
  auto session = Session::create(*model);
  ASSERT_TRUE(session.ok());
  int failures = 0;
  for (uint64_t after = 0; after < 60; after += 2) {
    g_fail_to = g_calls + after + 1;
    g_fail_from = g_calls + after;
    const std::vector<float> got = run(*session);
    if (got.empty()) {
      ++failures;
      EXPECT_EQ(last_.code(), Code::io) << last_.message();
      EXPECT_NE(std::strstr(last_.message(), "cannot read"), nullptr) << last_.message();
    } else {
      EXPECT_EQ(got, expected_);
    }
    g_fail_from = UINT64_MAX;
    std::vector<float> again = run(*session);
    if (again.empty()) again = run(*session);  // a block that failed ahead of its use shows in the next step
    EXPECT_EQ(again, expected_) << last_.message();
  }
  EXPECT_GT(failures, 10);
}

TEST_F(StreamFaults, AFileThatIsCutMeanwhile) {
  const auto model = open();
  ASSERT_TRUE(model.ok());
  auto session = Session::create(*model);
  ASSERT_EQ(run(*session), expected_);
  ASSERT_EQ(::truncate(path().c_str(), 3 << 20), 0);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(run(*session).empty()) << i;
  EXPECT_EQ(last_.code(), Code::corrupt_file) << last_.message();
}

TEST_F(StreamFaults, CancelDoesNotWaitForTheReader) {
  set_positioned_read(stalling_read);
  const auto model = open();
  ASSERT_TRUE(model.ok());
  auto session = Session::create(*model);
  ASSERT_EQ(run(*session), expected_);
  g_stalled = true;
  std::thread other([&] {
    ::usleep(50000);
    session->cancel();
  });
  EXPECT_TRUE(run(*session).empty());
  EXPECT_EQ(last_.code(), Code::cancelled) << last_.message();
  other.join();
  g_stalled = false;
  EXPECT_EQ(run(*session), expected_) << last_.message();
}

TEST_F(StreamFaults, StepsTakeNothingFromTheHeap) {
  const auto model = open();
  ASSERT_TRUE(model.ok());
  auto session = Session::create(*model);
  ASSERT_FALSE(run(*session).empty());
  EXPECT_TRUE(model->settle().ok());
  const uint64_t before = test::heap_calls();
  for (int32_t i = 0; i < 10; ++i) ASSERT_TRUE(session->next({}).ok());
  const uint64_t taken = test::heap_calls() - before;
  if (!test::heap_counter_works()) GTEST_SKIP() << "the heap is the sanitizer's";
  EXPECT_EQ(taken, 0u);
}

}  // namespace
}  // namespace runnel
