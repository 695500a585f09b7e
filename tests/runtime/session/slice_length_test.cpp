#include "runtime/session/slice_length.h"

#include <gtest/gtest.h>

namespace runnel {
namespace {

// A machine that reads its weights in 1000 ns and needs `each` ns for a token's arithmetic.
uint64_t time_of(uint32_t tokens, uint64_t each) { return std::max<uint64_t>(1000, tokens * each); }

TEST(SliceLength, GrowsToWhatATokenTakes) {
  SliceLength slice(512);
  EXPECT_EQ(slice.tokens(), 1u);
  for (int i = 0; i < 40; ++i) slice.took(slice.tokens(), time_of(slice.tokens(), 50));
  EXPECT_GE(slice.tokens(), 15u);
  uint64_t longest = 0;
  for (int i = 0; i < 40; ++i) {
    longest = std::max(longest, time_of(slice.tokens(), 50));
    slice.took(slice.tokens(), time_of(slice.tokens(), 50));
  }
  EXPECT_LE(longest, 2600u);
}

TEST(SliceLength, StaysWithinItsBounds) {
  SliceLength slice(12);
  for (int i = 0; i < 10; ++i) slice.took(slice.tokens(), 1000);
  EXPECT_EQ(slice.tokens(), 12u);
  slice.took(12, 1'000'000'000);
  EXPECT_EQ(slice.tokens(), 1u);
}

TEST(SliceLength, ShortOnesAtATextsEndDoNotMakeItLonger) {
  SliceLength slice(512);
  for (int i = 0; i < 4; ++i) slice.took(slice.tokens(), 1000);
  const uint32_t before = slice.tokens();
  for (int i = 0; i < 10; ++i) slice.took(1, 1000);
  EXPECT_EQ(slice.tokens(), before);
}

TEST(SliceLength, FollowsAMachineThatBecomesSlower) {
  SliceLength slice(64);
  for (int i = 0; i < 10; ++i) slice.took(slice.tokens(), 1000);
  for (int i = 0; i < 200; ++i) slice.took(slice.tokens(), 3000);
  EXPECT_EQ(slice.tokens(), 64u);
}

}  // namespace
}  // namespace runnel
