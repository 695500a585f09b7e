#include "runtime/kv/page_table.h"

#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <thread>
#include <vector>

#include "kernels/base/memory.h"
#include "tests/runtime/kv/kv_sequence.h"
#include "tests/support/instrumented.h"

namespace runnel {
namespace {

using test::KvSequence;
using test::number_groups;
using test::number_ids;

constexpr uint64_t kPageBytes = 128;  // of 16 numbers

std::unique_ptr<KvCache> make_cache(const KvGroups& groups, const KvDemand& demand, bool share = true) {
  KvPlan plan;
  EXPECT_TRUE(plan_kv(groups, demand, &plan));
  auto cache = std::make_unique<KvCache>();
  const Status status = cache->init(plan, share);
  EXPECT_TRUE(status.ok()) << status.message();
  return cache;
}

TEST(PageTable, CoversTruncatesAndGivesBack) {
  const auto cache = make_cache(number_groups(4), {.context_tokens = 96, .sessions = 1});
  {
    PageTable table;
    ASSERT_TRUE(table.init(cache.get(), 75).ok());  // 5 pages of 16 tokens
    ASSERT_TRUE(table.cover(0, 1).ok());
    EXPECT_EQ(table.block_count(), 1u);
    uint8_t* const first = table.pages()[0][0];
    ASSERT_TRUE(table.cover(1, 75).ok());
    EXPECT_EQ(table.block_count(), 5u);
    EXPECT_EQ(table.pages()[0][0], first);
    const Status full = table.cover(75, 76);
    EXPECT_EQ(full.code(), Code::context_full);
    EXPECT_STREQ(full.message(), "session: 76 tokens do not fit the context of 75");
    EXPECT_EQ(table.truncate(32), 32u);
    EXPECT_EQ(table.block_count(), 2u);
    EXPECT_EQ(table.truncate(17), 17u);
    EXPECT_EQ(table.block_count(), 2u);
    EXPECT_EQ(table.truncate(16), 16u);
    EXPECT_EQ(table.block_count(), 1u);
    EXPECT_EQ(cache->usage().used_bytes, kPageBytes);

    PageTable second;
    EXPECT_EQ(second.init(cache.get(), 17).code(), Code::over_budget);
    PageTable third;
    EXPECT_TRUE(third.init(cache.get(), 16).ok());
  }
  EXPECT_EQ(cache->usage().free_bytes, 6 * kPageBytes);
  PageTable again;
  EXPECT_TRUE(again.init(cache.get(), 96).ok());
}

TEST(PageTable, AllocationFailureIsAStatus) {
  KvPlan plan;
  ASSERT_TRUE(plan_kv(number_groups(4, {0, 20}), {.context_tokens = 64, .sessions = 2}, &plan));
  for (int fail_at = 0;; ++fail_at) {
    int left = fail_at;
    set_allocation_gate([](void* context, size_t) noexcept { return (*static_cast<int*>(context))-- != 0; }, &left);
    Status status;
    {
      KvCache cache;
      PageTable table;
      status = cache.init(plan, true);
      if (status.ok()) status = table.init(&cache, 64);
    }
    set_allocation_gate(nullptr, nullptr);
    if (status.ok()) {
      EXPECT_GT(fail_at, 8);
      break;
    }
    EXPECT_EQ(status.code(), Code::out_of_memory) << fail_at;
  }
}

TEST(KvSharing, TheSecondSequenceComputesOnlyWhatIsNew) {
  const auto cache = make_cache(number_groups(4), {.context_tokens = 128, .sessions = 3, .step_tokens = 32});
  const auto prompt = number_ids(70, 1);
  KvSequence first(cache.get(), 128, 32), second(cache.get(), 128, 32), third(cache.get(), 128, 32);
  ASSERT_TRUE(first.append(prompt).ok());
  EXPECT_EQ(first.computed_tokens, 70u);
  // All but the last token are found: four whole pages, and a copy of the fifth.
  ASSERT_TRUE(second.append(prompt).ok());
  EXPECT_EQ(second.computed_tokens, 1u);
  EXPECT_EQ(cache->usage().used_bytes, 6 * kPageBytes);
  EXPECT_EQ(cache->usage().shared_bytes, 4 * kPageBytes);
  // Another ending: what is alike is found to the token.
  auto other = prompt;
  other[67] = 5000;
  ASSERT_TRUE(third.append(other).ok());
  EXPECT_EQ(third.computed_tokens, 3u);
  // Each goes on by itself.
  ASSERT_TRUE(first.append(number_ids(20, 2)).ok());
  ASSERT_TRUE(second.append(number_ids(20, 3)).ok());
  EXPECT_EQ(first.computed_tokens, 90u);
  EXPECT_EQ(second.computed_tokens, 21u);
  EXPECT_TRUE(first.right() && second.right() && third.right());
}

TEST(KvSharing, WhatAClosedSequenceComputedIsFound) {
  const auto cache = make_cache(number_groups(4), {.context_tokens = 128, .sessions = 1, .step_tokens = 128});
  const auto prompt = number_ids(100, 1);
  { ASSERT_TRUE(KvSequence(cache.get(), 128, 128).append(prompt).ok()); }
  EXPECT_EQ(cache->usage().used_bytes, 0u);
  EXPECT_EQ(cache->usage().cached_bytes, 7 * kPageBytes);
  {
    KvSequence again(cache.get(), 128, 128);
    ASSERT_TRUE(again.append(prompt).ok());
    EXPECT_EQ(again.computed_tokens, 1u);
    EXPECT_TRUE(again.right());
  }
  EXPECT_EQ(cache->trim(), 8 * kPageBytes);
  EXPECT_EQ(cache->usage().free_bytes, 8 * kPageBytes);
  KvSequence third(cache.get(), 128, 128);
  ASSERT_TRUE(third.append(prompt).ok());
  EXPECT_EQ(third.computed_tokens, 100u);
}

TEST(KvSharing, OffMeansOff) {
  const auto cache = make_cache(number_groups(4), {.context_tokens = 64, .sessions = 2, .step_tokens = 64}, false);
  KvSequence first(cache.get(), 64, 64), second(cache.get(), 64, 64);
  ASSERT_TRUE(first.append(number_ids(40, 1)).ok());
  ASSERT_TRUE(second.append(number_ids(40, 1)).ok());
  EXPECT_EQ(second.computed_tokens, 40u);
  EXPECT_EQ(cache->usage().cached_bytes, 0u);
}

TEST(KvSharing, ThePromiseStandsBeforeWhatIsCached) {
  const auto cache = make_cache(number_groups(4), {.context_tokens = 64, .sessions = 2, .step_tokens = 64});
  for (uint32_t seed = 0; seed < 20; ++seed) {
    KvSequence first(cache.get(), 64, 64), second(cache.get(), 64, 64);
    ASSERT_TRUE(first.append(number_ids(64, 2 * seed)).ok()) << seed;
    ASSERT_TRUE(second.append(number_ids(64, 2 * seed + 1)).ok()) << seed;
    EXPECT_TRUE(first.right() && second.right());
  }
}

// The least recently used goes first, and of one sequence its end before its beginning.
TEST(KvSharing, EvictionKeepsBeginnings) {
  const auto cache = make_cache(number_groups(4), {.context_tokens = 64, .sessions = 2, .step_tokens = 64});
  const auto old = number_ids(64, 1);
  { ASSERT_TRUE(KvSequence(cache.get(), 64, 64).append(old).ok()); }
  {
    KvSequence first(cache.get(), 64, 64), second(cache.get(), 64, 64);
    ASSERT_TRUE(first.append(number_ids(64, 2)).ok());
    ASSERT_TRUE(second.append(number_ids(20, 3)).ok());  // takes 2 of the 4 pages of `old`
  }
  KvSequence again(cache.get(), 64, 64);
  ASSERT_TRUE(again.append(old).ok());
  EXPECT_EQ(again.computed_tokens, 32u);
  EXPECT_TRUE(again.right());
}

TEST(KvSharing, ForksShareUntilTheyWrite) {
  const auto cache = make_cache(number_groups(4), {.context_tokens = 64, .sessions = 3, .step_tokens = 64}, false);
  KvSequence first(cache.get(), 64, 64);
  ASSERT_TRUE(first.append(number_ids(40, 1)).ok());
  const auto second = first.fork();
  ASSERT_NE(second, nullptr);
  EXPECT_EQ(cache->usage().used_bytes, 3 * kPageBytes);
  EXPECT_EQ(cache->usage().shared_bytes, 3 * kPageBytes);
  ASSERT_TRUE(second->append(number_ids(4, 2)).ok());
  EXPECT_EQ(cache->usage().used_bytes, 4 * kPageBytes);
  ASSERT_TRUE(first.append(number_ids(4, 3)).ok());
  EXPECT_EQ(cache->usage().used_bytes, 4 * kPageBytes);  // the last page is its alone again
  EXPECT_TRUE(first.right() && second->right());
  second->truncate(10);
  ASSERT_TRUE(second->append(number_ids(4, 4)).ok());
  EXPECT_TRUE(first.right() && second->right());
}

TEST(KvSharing, OnDemandSaysWhenNothingIsLeft) {
  const auto cache = make_cache(number_groups(4), {64, 10, 64, 96});
  EXPECT_TRUE(cache->plan().on_demand);
  std::vector<std::unique_ptr<KvSequence>> sequences;
  for (uint32_t i = 0; i < 10; ++i) {
    sequences.push_back(std::make_unique<KvSequence>(cache.get(), 64, 64));
    ASSERT_TRUE(sequences.back()->status().ok());
  }
  ASSERT_TRUE(sequences[0]->append(number_ids(64, 1)).ok());
  ASSERT_TRUE(sequences[1]->append(number_ids(32, 2)).ok());
  const Status full = sequences[2]->append(number_ids(1, 3));
  EXPECT_EQ(full.code(), Code::context_full);
  EXPECT_STREQ(full.message(), "session: no KV page is left for token 0: the sessions share room for 96 tokens");
  EXPECT_EQ(sequences[2]->computed(), 0u);
  sequences.erase(sequences.begin());
  ASSERT_TRUE(sequences[1]->append(number_ids(40, 3)).ok());
  EXPECT_TRUE(sequences[0]->right() && sequences[1]->right());
}

TEST(KvWindows, PagesThatLeftTheWindowAreGivenBack) {
  const KvGroups groups = number_groups(4, {0, 20});
  KvPlan plan;
  ASSERT_TRUE(plan_kv(groups, {.context_tokens = 512, .sessions = 1, .step_tokens = 8}, &plan));
  EXPECT_EQ(plan.groups[0].pages, 32u);
  EXPECT_EQ(plan.groups[1].pages, 3u);
  const auto cache = make_cache(groups, {.context_tokens = 512, .sessions = 1, .step_tokens = 8});
  KvSequence sequence(cache.get(), 512, 8);
  const auto ids = number_ids(512, 1);
  ASSERT_TRUE(sequence.append({ids.begin(), ids.begin() + 300}).ok());
  EXPECT_TRUE(sequence.right());
  for (uint32_t t = 300; t < 512; ++t) {
    ASSERT_TRUE(sequence.append({ids[t]}).ok());
    ASSERT_TRUE(sequence.right()) << t;
  }
  // A little way back everything is still there; far back it must be computed again.
  sequence.truncate(508);
  EXPECT_EQ(sequence.computed(), 508u);
  EXPECT_TRUE(sequence.right());
  sequence.truncate(100);
  EXPECT_EQ(sequence.computed(), 0u);
  ASSERT_TRUE(sequence.settle().ok());
  EXPECT_EQ(sequence.computed(), 100u);
  EXPECT_TRUE(sequence.right());
}

TEST(KvWindows, ABeginningIsFoundWhereItsWindowIs) {
  const KvGroups groups = number_groups(4, {0, 20});
  const auto cache = make_cache(groups, {.context_tokens = 256, .sessions = 4, .step_tokens = 64});
  const auto ids = number_ids(200, 1);
  KvSequence first(cache.get(), 256, 64);
  ASSERT_TRUE(first.append(ids).ok());
  KvSequence same(cache.get(), 256, 64);
  ASSERT_TRUE(same.append(ids).ok());
  EXPECT_EQ(same.computed_tokens, 1u);
  EXPECT_TRUE(same.right() && first.right());
}

// Any operations in any order on several sequences: what they see is always right, and no page is lost.
class KvChurn : public testing::TestWithParam<std::tuple<std::vector<uint32_t>, bool, bool>> {};

TEST_P(KvChurn, EverySequenceStaysRight) {
  const auto& [windows, share, on_demand] = GetParam();
  constexpr uint32_t kContext = 192, kSessions = 5, kStep = 24;
  const KvGroups groups = number_groups(4, windows);
  const auto cache = make_cache(groups, {kContext, kSessions, kStep, on_demand ? 500u : 0u}, share);
  std::mt19937 random(7);
  const auto pick = [&](uint32_t n) { return static_cast<uint32_t>(random() % n); };
  std::vector<std::unique_ptr<KvSequence>> open;
  for (size_t round = 0; round < test::effort(30000); ++round) {
    const uint32_t what = pick(100);
    if (open.empty() || (what < 8 && open.size() < kSessions)) {
      open.push_back(std::make_unique<KvSequence>(cache.get(), kContext, kStep));
      ASSERT_TRUE(open.back()->status().ok());
      continue;
    }
    KvSequence& one = *open[pick(static_cast<uint32_t>(open.size()))];
    const auto position = static_cast<uint32_t>(one.tokens().size());
    if (what < 60) {
      // Few kinds of continuation, so that sequences often agree.
      auto ids = number_ids(1 + pick(pick(2) == 0 ? 3 : 70), pick(4));
      ids.resize(std::min<size_t>(ids.size(), kContext - position));
      const Status status = ids.empty() ? one.settle() : one.append(ids);
      if (!status.ok()) {
        ASSERT_EQ(status.code(), Code::context_full) << status.message();
        ASSERT_TRUE(on_demand);
      }
    } else if (what < 75) {
      one.truncate(pick(position + 1));
    } else if (what < 82) {
      one.fail_step(std::min(1 + pick(kStep), kContext - one.computed()));
    } else if (what < 90 && open.size() < kSessions) {
      auto copy = one.fork();
      ASSERT_NE(copy, nullptr);
      open.push_back(std::move(copy));
    } else if (what < 98) {
      open.erase(open.begin() + pick(static_cast<uint32_t>(open.size())));
    } else {
      cache->trim();
    }
    if (round % 4 == 0) {
      for (const auto& each : open) ASSERT_TRUE(each->right()) << "round " << round;
    }
    const KvUsage usage = cache->usage();
    ASSERT_EQ(usage.used_bytes + usage.cached_bytes + usage.free_bytes, cache->plan().pool_bytes) << "round " << round;
  }
  open.clear();
  EXPECT_EQ(cache->usage().used_bytes, 0u);
  cache->trim();
  EXPECT_EQ(cache->usage().free_bytes, cache->plan().pool_bytes);
}

INSTANTIATE_TEST_SUITE_P(Kinds, KvChurn,
                         testing::Combine(testing::Values(std::vector<uint32_t>{0}, std::vector<uint32_t>{0, 20},
                                                          std::vector<uint32_t>{33, 5, 100}),
                                          testing::Bool(), testing::Bool()));

// Sequences on two threads, growing and shrinking: none ever sees the other's writing.
TEST(KvChurn, UnderThreads) {
  const auto cache = make_cache(number_groups(4), {.context_tokens = 128, .sessions = 2, .step_tokens = 128}, false);
  const auto churn = [&](uint32_t seed) {
    KvSequence sequence(cache.get(), 128, 128);
    std::mt19937 random(seed);
    for (size_t round = 0; round < test::effort(2000); ++round) {
      sequence.truncate(random() % (sequence.tokens().size() + 1));
      const auto room = static_cast<uint32_t>(128 - sequence.tokens().size());
      if (room > 0) {
        ASSERT_TRUE(sequence.append(number_ids(1 + random() % room, seed)).ok());
      }
      ASSERT_TRUE(sequence.right());
    }
  };
  std::thread other(churn, 1);
  churn(2);
  other.join();
  EXPECT_EQ(cache->usage().used_bytes, 0u);
}

}  // namespace
}  // namespace runnel
