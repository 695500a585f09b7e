// Pages of layers with windows, of sequences that share, grow, shrink and are saved again and again: what is restored
// is right, and only what changed is written.
#include <gtest/gtest.h>

#include <map>

#include "tests/runtime/kv/kv_sequence.h"
#include "tests/support/instrumented.h"
#include "tests/support/tiny_models.h"

namespace runnel {
namespace {

using test::KvSequence;
using test::number_groups;
using test::number_ids;

constexpr uint32_t kContext = 192, kStep = 24;

std::unique_ptr<KvCache> make_cache(const std::vector<uint32_t>& windows, bool share) {
  KvPlan plan;
  EXPECT_TRUE(
      plan_kv(number_groups(4, windows), {.context_tokens = kContext, .sessions = 3, .step_tokens = kStep}, &plan));
  auto cache = std::make_unique<KvCache>();
  EXPECT_TRUE(cache->init(plan, share).ok());
  return cache;
}

class SnapshotPages : public testing::TestWithParam<std::tuple<std::vector<uint32_t>, bool>> {
 protected:
  test::TempFolder folder_;
};

TEST_P(SnapshotPages, AnyOrderOfSavingAndRestoring) {
  const auto& [windows, share] = GetParam();
  const auto cache = make_cache(windows, share);
  std::mt19937 random(3);
  const auto pick = [&](uint32_t n) { return static_cast<uint32_t>(random() % n); };
  KvSequence sequences[] = {{cache.get(), kContext, kStep}, {cache.get(), kContext, kStep}};
  std::map<std::string, std::vector<int32_t>> saved;  // tokens, by file
  for (int round = 0; round < static_cast<int>(test::effort(400)); ++round) {
    KvSequence& one = sequences[pick(2)];
    const auto position = static_cast<uint32_t>(one.tokens().size());
    const std::string file = (folder_ / std::to_string(pick(2))).string();
    const uint32_t what = pick(10);
    if (what < 4) {
      auto ids = number_ids(1 + pick(60), pick(3));
      ids.resize(std::min<size_t>(ids.size(), kContext - position));
      ASSERT_TRUE((ids.empty() ? one.settle() : one.append(ids)).ok());
    } else if (what < 6) {
      one.truncate(position - pick(std::min(position, 50u) + 1));
    } else if (what < 8) {
      const Status status = one.save(file);
      ASSERT_TRUE(status.ok()) << status.message();
      saved[file] = one.tokens();
    } else if (saved.contains(file)) {
      const Status status = one.restore(file);
      ASSERT_TRUE(status.ok()) << status.message();
      ASSERT_EQ(one.tokens(), saved[file]);
    }
    for (const KvSequence& each : sequences) ASSERT_TRUE(each.right()) << "round " << round << ", operation " << what;
  }
}

TEST_P(SnapshotPages, OnlyWhatTheWindowsSeeAndOnlyWhatChanged) {
  const auto& [windows, share] = GetParam();
  const auto cache = make_cache(windows, share);
  KvSequence sequence(cache.get(), kContext, kStep);
  ASSERT_TRUE(sequence.append(number_ids(100, 1)).ok());  // 7 blocks of 16
  SnapshotSaved saved;
  const std::string file = (folder_ / "pages").string();
  ASSERT_TRUE(sequence.save(file, &saved).ok());
  uint32_t pages = 0;
  for (const uint32_t window : windows) pages += window == 0 || window >= 100 ? 7 : 7 - (100 - window) / 16;
  EXPECT_EQ(saved.written_pages, pages);
  EXPECT_EQ(sequence.table().unchanged_blocks(), 7u);
  ASSERT_TRUE(sequence.append({5}).ok());
  EXPECT_EQ(sequence.table().unchanged_blocks(), 6u);
  ASSERT_TRUE(sequence.save(file, &saved).ok());
  EXPECT_EQ(saved.written_pages, windows.size());
  // Restored, it is known: nothing is written, but what comes next is.
  ASSERT_TRUE(sequence.restore(file).ok());
  // Where pages are shared, those that were there before have taken the restored ones' place.
  EXPECT_EQ(sequence.table().unchanged_blocks(), share ? 0u : 7u);
  ASSERT_TRUE(sequence.save(file, &saved).ok());
  EXPECT_EQ(saved.written_pages, 0u);
  EXPECT_TRUE(saved.updated);
  ASSERT_TRUE(sequence.append(number_ids(20, 2)).ok());
  ASSERT_TRUE(sequence.save(file, &saved).ok());
  pages = 0;  // blocks 6 and 7, if the window still sees them
  for (const uint32_t window : windows) pages += window == 0 || window > 121 - 7 * 16 ? 2 : 1;
  EXPECT_EQ(saved.written_pages, pages);
  // Going back rewrites nothing; what comes in its place is written.
  sequence.truncate(90);
  ASSERT_TRUE(sequence.settle().ok());
  EXPECT_LE(sequence.table().unchanged_blocks(), 6u);
}

INSTANTIATE_TEST_SUITE_P(Kinds, SnapshotPages,
                         testing::Combine(testing::Values(std::vector<uint32_t>{0}, std::vector<uint32_t>{0, 20},
                                                          std::vector<uint32_t>{33, 5, 100}),
                                          testing::Bool()));

}  // namespace
}  // namespace runnel
