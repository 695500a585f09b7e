#include "runtime/snapshot/places.h"

#include <gtest/gtest.h>

namespace runnel {
namespace {

TEST(SnapshotPlaces, FindsTheFirstRunThatIsFree) {
  SnapshotPlaces places;
  ASSERT_TRUE(places.init(70, 4096));
  places.clear();
  uint64_t at = 0;
  const auto place = [](uint64_t unit) { return kSnapshotDataBegin + unit * 4096; };
  ASSERT_TRUE(places.find(1, &at));
  EXPECT_EQ(at, place(0));
  ASSERT_TRUE(places.take(place(2) + 100, 4096));  // touches units 2 and 3
  ASSERT_TRUE(places.find(4097, &at));
  EXPECT_EQ(at, place(4));
  ASSERT_TRUE(places.find(4096, &at));
  EXPECT_EQ(at, place(1));
  ASSERT_TRUE(places.find(64 * 4096, &at));
  EXPECT_EQ(at, place(6));
  EXPECT_FALSE(places.find(1, &at));
  places.clear();
  ASSERT_TRUE(places.find(70 * 4096, &at));
  EXPECT_EQ(at, place(0));
}

TEST(SnapshotPlaces, RefusesWhatLiesBehindItsEnd) {
  SnapshotPlaces places;
  ASSERT_TRUE(places.init(10, 8192));
  places.clear();
  EXPECT_TRUE(places.take(kSnapshotDataBegin + 9 * 8192, 8192));
  EXPECT_FALSE(places.take(kSnapshotDataBegin + 9 * 8192, 8193));
  EXPECT_FALSE(places.take(UINT64_MAX / 2, 1));
  EXPECT_TRUE(places.take(0, 0));
  uint64_t at = 0;
  EXPECT_FALSE(places.find(10 * 8192, &at));
  EXPECT_TRUE(places.find(9 * 8192, &at));
}

}  // namespace
}  // namespace runnel
