// A decode step takes nothing from the heap, and any allocation that fails is a Status without a leak.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "kernels/base/memory.h"
#include "runnel/session.h"
#include "tests/support/heap_counter.h"
#include "tests/support/tiny_model_file.h"

namespace runnel {
namespace {

// Fails the allocation number `fail_at` (from 0) and all after it, and counts.
struct Gate {
  uint64_t fail_at;
  uint64_t asked = 0;
  explicit Gate(uint64_t fail_at) : fail_at(fail_at) { set_allocation_gate(ask, this); }
  ~Gate() { set_allocation_gate(nullptr, nullptr); }
  static bool ask(void* context, size_t) noexcept {
    Gate& self = *static_cast<Gate*>(context);
    return self.asked++ < self.fail_at;
  }
};

const std::vector<int32_t> kIds = {10, 20, 30, 40, 50};

TEST(Allocation, DecodeTakesNothing) {
  auto model = Model::open(test::tiny_model_path().c_str(), {.threads = 2, .verify = Verify::off});
  ASSERT_TRUE(model.ok()) << model.status().message();
  auto session = Session::create(*model);
  ASSERT_TRUE(session.ok());
  ASSERT_TRUE(session->append(kIds).ok());
  const SamplerOptions sampler{
      .temperature = 1, .top_k = 40, .top_p = 0.9f, .min_p = 0.01f, .repetition_penalty = 1.1f};
  // The first step may make what the process makes once (a thread's stack, a libc buffer).
  ASSERT_TRUE(session->next(sampler).ok());

  Gate gate(UINT64_MAX);
  const uint64_t before = test::heap_calls();
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(session->next(sampler).ok());
  EXPECT_EQ(gate.asked, 0u);
  if (!test::heap_counter_works())
    GTEST_SKIP() << "the heap is the sanitizer's: only the library's own gate was counted";
  EXPECT_EQ(test::heap_calls() - before, 1u) << "one call is heap_counter_works()'s own";
}

// generate() takes its list of ids and its text buffer before the first token, whatever the number of tokens.
TEST(Allocation, GenerateTakesTheSameForOneTokenAndForMany) {
  auto model = Model::open(test::tiny_model_path().c_str(), {.threads = 1, .verify = Verify::off});
  ASSERT_TRUE(model.ok());
  auto session = Session::create(*model);
  ASSERT_TRUE(session.ok());
  const std::string_view stop[] = {"qqq"};
  uint64_t calls[2] = {};
  for (int run = 0; run < 2; ++run) {
    ASSERT_TRUE(session->replace(kIds).ok());
    const uint64_t before = test::heap_calls();
    const auto answer = session->generate(
        {.max_tokens = run == 0 ? 1u : 100u, .sampler = {.temperature = 1}, .stop = stop, .ignore_end = true},
        [](std::string_view) { return true; });
    calls[run] = test::heap_calls() - before;
    ASSERT_TRUE(answer.ok());
    EXPECT_EQ(answer->ids.size(), run == 0 ? 1u : 100u);
  }
  EXPECT_EQ(calls[0], calls[1]);
}

TEST(Allocation, EachFailureInOpenIsAStatus) {
  const std::string path = test::tiny_model_path();  // made before anything fails
  for (uint64_t fail_at = 0;; ++fail_at) {
    ASSERT_LT(fail_at, 10000u);
    Gate gate(fail_at);
    auto model = Model::open(path.c_str(), {.threads = 2, .verify = Verify::off});
    if (model.ok()) {
      EXPECT_GT(fail_at, 5u);
      break;
    }
    ASSERT_EQ(model.status().code(), Code::out_of_memory) << fail_at << ": " << model.status().message();
  }
}

TEST(Allocation, EachFailureInASessionIsAStatus) {
  auto model = Model::open(test::tiny_model_path().c_str(), {.threads = 1, .verify = Verify::off});
  ASSERT_TRUE(model.ok());
  const std::string_view stop[] = {"qqq"};
  for (uint64_t fail_at = 0;; ++fail_at) {
    ASSERT_LT(fail_at, 10000u);
    Gate gate(fail_at);
    const Status status = [&]() -> Status {
      RUNNEL_ASSIGN(Session session, Session::create(*model));
      RUNNEL_TRY(session.append_text("Hello world"));
      RUNNEL_ASSIGN(const Generation answer, session.generate({.max_tokens = 3, .stop = stop}));
      return {};
    }();
    if (status.ok()) {
      EXPECT_GT(fail_at, 5u);
      break;
    }
    ASSERT_EQ(status.code(), Code::out_of_memory) << fail_at << ": " << status.message();
  }
  // All of it was given back: the one session that the plan has can be opened.
  EXPECT_TRUE(Session::create(*model).ok());
}

TEST(Allocation, EachFailureInPlanningIsAStatus) {
  const std::string path = test::tiny_model_path();  // made before anything fails
  for (uint64_t fail_at = 0;; ++fail_at) {
    ASSERT_LT(fail_at, 10000u);
    Gate gate(fail_at);
    const auto plan = plan_model(path.c_str());
    if (plan.ok()) break;
    ASSERT_EQ(plan.status().code(), Code::out_of_memory) << fail_at << ": " << plan.status().message();
  }
}

}  // namespace
}  // namespace runnel
