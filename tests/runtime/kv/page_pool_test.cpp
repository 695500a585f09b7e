#include "runtime/kv/page_pool.h"

#include <gtest/gtest.h>

#include <cstring>
#include <set>
#include <vector>

#include "kernels/base/memory.h"
#include "runtime/os/memory_figures.h"
#include "tests/support/instrumented.h"

namespace runnel {
namespace {

TEST(PagePool, PagesAreDistinctAlignedAndCounted) {
  PagePool pool;
  ASSERT_TRUE(pool.init(100, 5).ok());
  std::set<uint8_t*> seen;
  std::vector<PageId> held;
  for (int i = 0; i < 5; ++i) {
    held.push_back(pool.take());
    uint8_t* data = pool.data(held.back());
    EXPECT_EQ(reinterpret_cast<uintptr_t>(data) % 64, 0u);
    std::memset(data, i, 100);
    EXPECT_TRUE(seen.insert(data).second);
  }
  EXPECT_EQ(pool.take(), kNoPage);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(pool.data(held[i])[99], i);
  pool.give(held[2]);
  EXPECT_EQ(pool.free_pages(), 1u);
  EXPECT_EQ(pool.take(), held[2]);
}

TEST(PagePool, TouchesNothingItselfAndGivesBackWhatIsFree) {
  if (RUNNEL_INSTRUMENTED != 0) GTEST_SKIP() << "a sanitizer's own memory is counted too";
  const uint64_t before = process_memory().anonymous_bytes;
  PagePool pool;
  ASSERT_TRUE(pool.init(1 << 20, 1024).ok());  // 1 GiB of address space
  std::vector<PageId> pages;
  for (int i = 0; i < 32; ++i) {
    pages.push_back(pool.take());
    std::memset(pool.data(pages.back()), 1, 1 << 20);
  }
  const uint64_t touched = process_memory().anonymous_bytes;
  EXPECT_GT(touched, before + (30u << 20));
  EXPECT_LT(touched, before + (40u << 20));
  for (int i = 1; i < 32; ++i) pool.give(pages[i]);
  EXPECT_EQ(pool.trim(), 1023u << 20);
  // An emulator takes memory of its own meanwhile.
  EXPECT_LT(process_memory().anonymous_bytes, touched - (24u << 20));
  EXPECT_EQ(pool.data(pages[0])[12345], 1);
}

TEST(PagePool, ImpossibleSizesAndAllocationFailure) {
  EXPECT_EQ(PagePool().init(UINT64_MAX - 3, 2).code(), Code::invalid_argument);
  EXPECT_EQ(PagePool().init(UINT64_MAX / 2, 4).code(), Code::invalid_argument);
  EXPECT_EQ(PagePool().init(uint64_t{1} << 46, 8).code(), Code::out_of_memory);
  for (int fail_at = 0; fail_at < 2; ++fail_at) {
    int left = fail_at;
    set_allocation_gate([](void* context, size_t) noexcept { return (*static_cast<int*>(context))-- != 0; }, &left);
    const Status status = PagePool().init(64, 4);
    set_allocation_gate(nullptr, nullptr);
    EXPECT_EQ(status.code(), Code::out_of_memory) << fail_at;
  }
}

}  // namespace
}  // namespace runnel
