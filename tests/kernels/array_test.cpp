// Array<T>: growth, moves, and failure as a value.
#include "runnel/array.h"

#include <gtest/gtest.h>

#include "kernels/base/memory.h"

namespace runnel {
namespace {

TEST(Array, GrowsAndKeepsItsValues) {
  Array<int> a;
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(a.push(i));
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(a[i], i);
  ASSERT_TRUE(a.resize(2000));
  EXPECT_EQ(a[999], 999);
  EXPECT_EQ(a[1999], 0);
}

TEST(Array, FailureLeavesItUnchanged) {
  Array<int> a;
  ASSERT_TRUE(a.push(7));
  EXPECT_FALSE(a.reserve(SIZE_MAX / 2));
  set_allocation_gate([](void*, size_t) noexcept { return false; }, nullptr);
  EXPECT_FALSE(a.resize(100000));
  set_allocation_gate(nullptr, nullptr);
  ASSERT_EQ(a.size(), 1u);
  EXPECT_EQ(a[0], 7);
}

}  // namespace
}  // namespace runnel
