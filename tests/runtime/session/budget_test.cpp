// The budget is a promise: open() refuses what does not fit, class by class, and nothing later goes beyond the plan.
#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "runnel/session.h"
#include "tests/support/allocation_ledger.h"
#include "tests/support/tiny_model_file.h"

namespace runnel {
namespace {

const char* path() { return test::tiny_model_path().c_str(); }

uint64_t bytes_of(const MemoryPlan& plan, std::string_view name) {
  for (uint32_t i = 0; i < plan.class_count; ++i) {
    if (plan.classes[i].name == name) return plan.classes[i].bytes;
  }
  return 0;
}

TEST(Budget, OneByteTooFewForEachClassIsRefusedByItsName) {
  OpenOptions options{.context_tokens = 100, .sessions = 2, .threads = 2, .max_step_tokens = 16};
  const auto whole = plan_model(path(), options);
  ASSERT_TRUE(whole.ok()) << whole.status().message();
  uint64_t sum = 0;
  uint32_t classes = 0;
  for (uint32_t i = 0; i < whole->class_count; ++i) {
    const MemoryClass& each = whole->classes[i];
    if (!each.is_private || each.bytes == 0) continue;
    ++classes;
    sum += each.bytes;
    options.budget_bytes = sum - 1;
    const auto plan = plan_model(path(), options);
    ASSERT_TRUE(plan.ok());
    EXPECT_FALSE(plan->fits);
    EXPECT_STREQ(plan->over_class, each.name);
    const auto model = Model::open(path(), options);
    ASSERT_EQ(model.status().code(), Code::over_budget) << each.name;
    EXPECT_NE(std::strstr(model.status().message(), (std::string("(") + each.name + " is too much)").c_str()), nullptr)
        << model.status().message();
  }
  EXPECT_GE(classes, 8u);
  EXPECT_EQ(sum, whole->private_bytes);
  options.budget_bytes = sum;
  EXPECT_TRUE(Model::open(path(), options).ok());
  EXPECT_STREQ(plan_model(path(), options)->over_class, "");
}

// Everything an app does with a model and its sessions, under an allocator that refuses what is beyond the plan.
void use_everything(const Model& model, uint32_t sessions) {
  const test::TempFolder folder;
  std::vector<Session> open;
  const SamplerOptions sampler{.temperature = 1, .top_k = 40, .top_p = 0.9f, .repetition_penalty = 1.1f};
  for (uint32_t s = 0; s < sessions; ++s) {
    auto session = Session::create(model, {.when_full = WhenFull::slide});
    ASSERT_TRUE(session.ok()) << session.status().message();
    open.push_back(*std::move(session));
    Session& own = open.back();
    ASSERT_TRUE(
        own.append_text("Once upon a time there was a session, the number of which was " + std::to_string(s)).ok());
    Array<int32_t> chat;
    ASSERT_TRUE(model.tokenize_chat(R"([{"role": "user", "content": "How much is it?"}])", {}, &chat).ok());
    ASSERT_TRUE(own.append(chat).ok());
    const auto answer = own.generate({.max_tokens = 150, .sampler = sampler, .ignore_end = true},
                                     [](std::string_view) { return true; });
    ASSERT_TRUE(answer.ok()) << answer.status().message();
    EXPECT_EQ(answer->ids.size(), 150u);
    ASSERT_TRUE(own.replace(chat).ok());
    ASSERT_TRUE(own.score(chat, {}).ok());
    Array<char> text;
    ASSERT_TRUE(model.detokenize(own.tokens(), true, &text).ok());
    const std::string snapshot = (folder / "s.rns").string();
    for (int i = 0; i < 2; ++i) ASSERT_TRUE(own.save(snapshot.c_str()).ok());
    ASSERT_TRUE(own.restore(snapshot.c_str()).ok());
  }
  open.pop_back();
  const auto fork = open.empty() ? Session::create(model) : open.back().fork();
  ASSERT_TRUE(fork.ok()) << fork.status().message();
  (void)model.trim();
}

TEST(Budget, NothingIsTakenBeyondThePlan) {
  (void)path();  // converted before anything is counted
  for (const uint32_t sessions : {1u, 3u}) {
    for (const uint32_t threads : {1u, 3u}) {
      for (const Verify verify : {Verify::lazy, Verify::off}) {
        const OpenOptions options{
            .context_tokens = 128, .sessions = sessions, .threads = threads, .max_logits_rows = 4, .verify = verify};
        const auto plan = plan_model(path(), options);
        ASSERT_TRUE(plan.ok());
        test::AllocationLedger ledger(plan->private_bytes - bytes_of(*plan, "threads"));
        {
          OpenOptions exact = options;
          exact.budget_bytes = plan->private_bytes;
          const auto model = Model::open(path(), exact);
          ASSERT_TRUE(model.ok()) << model.status().message();
          use_everything(*model, sessions);
          ASSERT_TRUE(model->settle().ok());
        }
        EXPECT_EQ(ledger.refused(), 0u);
        EXPECT_EQ(ledger.live(), 0u) << "a leak";
        // The plan is no wild guess either: beside a fixed part for texts it is what is taken.
        EXPECT_GT(ledger.most() + bytes_of(*plan, "text") + 16384, plan->private_bytes - bytes_of(*plan, "threads"));
      }
    }
  }
}

}  // namespace
}  // namespace runnel
