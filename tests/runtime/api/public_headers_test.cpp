// The public headers stand alone: this file includes nothing of ours first.
#include "runnel/function_ref.h"
#include "runnel/model.h"
#include "runnel/options.h"
#include "runnel/plan.h"
#include "runnel/runnel.h"
#include "runnel/session.h"
#include "runnel/types.h"

#include <gtest/gtest.h>

namespace runnel {
namespace {

TEST(FunctionRef, CallsWhatItBorrows) {
  int calls = 0;
  auto count = [&](int by) { return (calls += by) < 5; };
  const FunctionRef<bool(int)> ref = count;
  EXPECT_TRUE(ref(2));
  EXPECT_FALSE(ref(3));
  EXPECT_EQ(calls, 5);
  EXPECT_FALSE(static_cast<bool>(FunctionRef<void()>()));
}

// The C statuses are the C++ codes, number by number.
TEST(PublicHeaders, StatusesMatchCodes) {
  EXPECT_EQ(static_cast<int>(Code::internal), RUNNEL_INTERNAL);
  EXPECT_EQ(static_cast<int>(Code::over_budget), RUNNEL_OVER_BUDGET);
  EXPECT_EQ(static_cast<int>(Code::cancelled), RUNNEL_CANCELLED);
}

}  // namespace
}  // namespace runnel
