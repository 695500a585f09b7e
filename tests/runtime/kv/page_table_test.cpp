#include "runtime/kv/page_table.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <set>
#include <thread>
#include <vector>

#include "kernels/base/memory.h"
#include "runtime/os/memory_figures.h"

namespace runnel {
namespace {

TEST(PagePool, PagesAreDistinctAlignedAndCounted) {
  PagePool pool;
  ASSERT_TRUE(pool.init(100, 5).ok());
  std::set<uint8_t*> seen;
  std::vector<PageId> held;
  for (int i = 0; i < 5; ++i) {
    held.push_back(pool.acquire());
    uint8_t* data = pool.data(held.back());
    EXPECT_EQ(reinterpret_cast<uintptr_t>(data) % 64, 0u);
    std::memset(data, i, 100);
    EXPECT_TRUE(seen.insert(data).second);
  }
  EXPECT_EQ(pool.acquire(), kNoPage);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(pool.data(held[i])[99], i);
  pool.retain(held[2]);
  pool.release(held[2]);
  EXPECT_EQ(pool.free_pages(), 0u);
  pool.release(held[2]);
  EXPECT_EQ(pool.free_pages(), 1u);
  EXPECT_EQ(pool.acquire(), held[2]);
}

TEST(PagePool, TouchesNothingItself) {
  const uint64_t before = process_memory().anonymous_bytes;
  PagePool pool;
  ASSERT_TRUE(pool.init(1 << 20, 1024).ok());  // 1 GiB of address space
  const PageId page = pool.acquire();
  std::memset(pool.data(page), 1, 1 << 20);
  EXPECT_LT(process_memory().anonymous_bytes, before + (8u << 20));
}

TEST(PagePool, ImpossibleSizesAndAllocationFailure) {
  EXPECT_EQ(PagePool().init(UINT64_MAX - 3, 2).code(), Code::invalid_argument);
  EXPECT_EQ(PagePool().init(UINT64_MAX / 2, 4).code(), Code::invalid_argument);
  EXPECT_EQ(PagePool().init(uint64_t{1} << 46, 8).code(), Code::out_of_memory);
  for (int fail_at = 0; fail_at < 3; ++fail_at) {
    int left = fail_at;
    set_allocation_gate([](void* context, size_t) noexcept { return (*static_cast<int*>(context))-- != 0; }, &left);
    const Status status = PagePool().init(64, 4);
    set_allocation_gate(nullptr, nullptr);
    EXPECT_EQ(status.code(), Code::out_of_memory) << fail_at;
  }
}

TEST(PageTable, CoversTruncatesAndGivesBack) {
  PagePool pool;
  ASSERT_TRUE(pool.init(64, 6).ok());
  {
    PageTable table;
    ASSERT_TRUE(table.init(&pool, 2, 19).ok());  // 5 pages of 4 tokens
    EXPECT_EQ(pool.unreserved_pages(), 1u);
    ASSERT_TRUE(table.cover(1).ok());
    EXPECT_EQ(table.page_count(), 1u);
    uint8_t* const first = table.pages()[0];
    ASSERT_TRUE(table.cover(19).ok());
    EXPECT_EQ(table.page_count(), 5u);
    EXPECT_EQ(table.pages()[0], first);
    const Status full = table.cover(20);
    EXPECT_EQ(full.code(), Code::context_full);
    EXPECT_STREQ(full.message(), "session: 20 tokens do not fit the context of 19");
    table.truncate(8);
    EXPECT_EQ(table.page_count(), 2u);
    table.truncate(5);
    EXPECT_EQ(table.page_count(), 2u);
    table.truncate(4);
    EXPECT_EQ(table.page_count(), 1u);
    EXPECT_EQ(pool.free_pages(), 5u);

    PageTable second;
    EXPECT_EQ(second.init(&pool, 2, 5).code(), Code::over_budget);
    PageTable third;
    EXPECT_TRUE(third.init(&pool, 2, 4).ok());
  }
  EXPECT_EQ(pool.free_pages(), 6u);
  EXPECT_EQ(pool.unreserved_pages(), 6u);
}

TEST(PageTable, SizesNearTheEdgeOfTheType) {
  EXPECT_EQ(PageTable::pages_for(UINT32_MAX, 5), (uint64_t{UINT32_MAX} + 31) / 32);
  EXPECT_EQ(PageTable::pages_for(0, 5), 0u);
  EXPECT_EQ(PageTable::pages_for(32, 5), 1u);
  EXPECT_EQ(PageTable::pages_for(33, 5), 2u);
}

// Two sequences on two threads, growing and shrinking: no page is ever in both.
TEST(PageTable, SharedPoolUnderThreads) {
  PagePool pool;
  ASSERT_TRUE(pool.init(64, 32).ok());
  const auto churn = [&](uint8_t mark) {
    PageTable table;
    ASSERT_TRUE(table.init(&pool, 3, 128).ok());
    std::mt19937 random(mark);
    for (int round = 0; round < 2000; ++round) {
      const uint32_t tokens = random() % 129;
      table.truncate(tokens);
      ASSERT_TRUE(table.cover(tokens).ok());
      for (uint32_t i = 0; i < table.page_count(); ++i) table.pages()[i][i] = mark;
      for (uint32_t i = 0; i < table.page_count(); ++i) ASSERT_EQ(table.pages()[i][i], mark);
    }
  };
  std::thread other(churn, 1);
  churn(2);
  other.join();
  EXPECT_EQ(pool.free_pages(), 32u);
}

}  // namespace
}  // namespace runnel
