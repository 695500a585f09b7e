#include "runnel/plan.h"

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include "kernels/isa.h"
#include "runnel/session.h"
#include "runtime/os/memory_figures.h"
#include "tests/support/instrumented.h"
#include "tests/support/tiny_model_file.h"

namespace runnel {
namespace {

const char* path() { return test::tiny_model_path().c_str(); }

uint64_t bytes_of(const MemoryPlan& plan, const std::string& name) {
  for (uint32_t i = 0; i < plan.class_count; ++i) {
    if (plan.classes[i].name == name) return plan.classes[i].bytes;
  }
  ADD_FAILURE() << "no class " << name;
  return 0;
}

MemoryPlan plan(const OpenOptions& options) {
  const auto planned = plan_model(path(), options);
  EXPECT_TRUE(planned.ok()) << planned.status().message();
  return *planned;
}

TEST(Plan, ClassesAddUp) {
  const MemoryPlan p = plan({.threads = 3});
  uint64_t own = 0, mapped = 0;
  for (uint32_t i = 0; i < p.class_count; ++i) (p.classes[i].is_private ? own : mapped) += p.classes[i].bytes;
  EXPECT_EQ(own, p.private_bytes);
  EXPECT_EQ(mapped, p.mapped_bytes);
  EXPECT_EQ(own + mapped, p.total_bytes);
  EXPECT_TRUE(p.fits);
  EXPECT_FALSE(p.budget_given);
  EXPECT_EQ(p.context_tokens, 128u);
  EXPECT_EQ(p.trained_context, 128u);
  // 2 layers of 2 kv heads of 16 f16 values, keys and values.
  EXPECT_EQ(bytes_of(p, "kv"), 128u * 2 * 2 * 16 * 2 * 2);
}

TEST(Plan, WithoutContextTheLongestThatFitsIsTaken) {
  const MemoryPlan whole = plan({.threads = 1, .max_step_tokens = 16});
  const OpenOptions tight{.budget_bytes = whole.private_bytes - 5000, .threads = 1, .max_step_tokens = 16};
  const MemoryPlan p = plan(tight);
  EXPECT_TRUE(p.fits);
  EXPECT_LT(p.context_tokens, 128u);
  EXPECT_GT(p.context_tokens, 0u);
  EXPECT_EQ(p.context_tokens, p.max_context);
  OpenOptions exact = tight;
  exact.context_tokens = p.max_context;
  EXPECT_TRUE(plan(exact).fits);
  exact.context_tokens = p.max_context + 1;
  EXPECT_FALSE(plan(exact).fits);
  EXPECT_EQ(plan(exact).max_context, p.max_context);

  const auto model = Model::open(path(), exact);
  EXPECT_EQ(model.status().code(), Code::over_budget);
  EXPECT_NE(
      std::string(model.status().message()).find("the longest context that fits is " + std::to_string(p.max_context)),
      std::string::npos)
      << model.status().message();
}

TEST(Plan, TooSmallForAnyContextIsRefusedWithTheNumbers) {
  const MemoryPlan p = plan({.budget_bytes = 1000, .threads = 1});
  EXPECT_FALSE(p.fits);
  EXPECT_EQ(p.max_context, 0u);
  EXPECT_EQ(p.max_sessions, 0u);
  const auto model = Model::open(path(), {.budget_bytes = 1000, .threads = 1});
  EXPECT_EQ(model.status().code(), Code::over_budget);
  EXPECT_NE(std::strstr(model.status().message(), "the budget is 0.00 MiB"), nullptr) << model.status().message();
}

TEST(Plan, ShorterStepsMakeRoomForContext) {
  const MemoryPlan wide = plan({.threads = 1});
  EXPECT_EQ(wide.max_step_tokens, 128u);  // never more than the context
  const MemoryPlan p = plan({.budget_bytes = wide.private_bytes - bytes_of(wide, "activations") / 2, .threads = 1});
  EXPECT_TRUE(p.fits);
  EXPECT_LT(p.max_step_tokens, wide.max_step_tokens);
  EXPECT_EQ(p.context_tokens, 128u);
}

TEST(Plan, SessionsAreCountedAndKept) {
  const MemoryPlan one = plan({.context_tokens = 64, .threads = 1});
  const MemoryPlan three = plan({.context_tokens = 64, .sessions = 3, .threads = 1});
  EXPECT_EQ(bytes_of(three, "kv"), 3 * bytes_of(one, "kv"));
  const MemoryPlan most = plan({.budget_bytes = three.private_bytes, .context_tokens = 64, .threads = 1});
  EXPECT_EQ(most.max_sessions, 3u);

  const auto model =
      Model::open(path(), {.budget_bytes = three.private_bytes, .context_tokens = 64, .sessions = 3, .threads = 1});
  ASSERT_TRUE(model.ok()) << model.status().message();
  std::vector<Session> sessions;
  for (int i = 0; i < 3; ++i) {
    auto session = Session::create(*model);
    ASSERT_TRUE(session.ok());
    ASSERT_TRUE(session->append(std::vector<int32_t>(64, 7)).ok());
    sessions.push_back(*std::move(session));
  }
  EXPECT_EQ(Session::create(*model).status().code(), Code::over_budget);
  sessions.pop_back();
  EXPECT_EQ(Session::create(*model, {.context_tokens = 65}).status().code(), Code::invalid_argument);
  EXPECT_TRUE(Session::create(*model, {.context_tokens = 10}).ok());
}

TEST(Plan, OptionsOutOfRangeAreRefused) {
  const OpenOptions bad[] = {{.sessions = 0},
                             {.sessions = 5000},
                             {.threads = 1000},
                             {.max_step_tokens = 9999},
                             {.max_logits_rows = 0},
                             {.max_logits_rows = 99999},
                             {.isa = "sse9"},
                             {.verify = Verify{200}},
                             {.kv = KvType{9}},
                             {.kv = KvTypes(KvType::f16, KvType{kKvTypeCount})},
                             {.weights_mode = WeightsMode{9}},
                             {.activations = Activations{4}},
                             {.context_tokens = UINT32_MAX}};
  for (const OpenOptions& options : bad) {
    EXPECT_EQ(plan_model(path(), options).status().code(), Code::invalid_argument);
    EXPECT_EQ(Model::open(path(), options).status().code(), Code::invalid_argument);
  }
  EXPECT_EQ(plan_model(nullptr).status().code(), Code::invalid_argument);
  EXPECT_EQ(Model::open(nullptr).status().code(), Code::invalid_argument);
  EXPECT_EQ(plan_model("/no/such/file.rnl").status().code(), Code::io);
}

// Keys and values are counted each by its type: bytes of 16 tokens of a head of the tiny model, of 16 numbers.
TEST(Plan, KeysAndValuesByType) {
  const auto block_bytes = [](KvType type) {
    switch (type) {
      case KvType::f32: return 16u * 16 * 4;
      case KvType::f16: return 16u * 16 * 2;
      case KvType::q8: return 16u * 2 + 16 * 16;
      case KvType::q4: break;
    }
    return 16u * 2 + 16 * 8;
  };
  for (const KvType keys : {KvType::f16, KvType::f32, KvType::q8, KvType::q4}) {
    for (const KvType values : {KvType::f16, KvType::f32, KvType::q8, KvType::q4}) {
      const auto plan = plan_model(path(), {.context_tokens = 64, .threads = 1, .kv = KvTypes(keys, values)});
      ASSERT_TRUE(plan.ok()) << plan.status().message();
      const test::TinyModel tiny;
      // Heads of 16 are too short for keys of 4 bits.
      const KvType kept = keys == KvType::q4 ? KvType::q8 : keys;
      EXPECT_EQ(plan->kv.keys, kept);
      EXPECT_EQ(plan->kv.values, values);
      EXPECT_EQ(*plan->kv_why != 0, kept != keys) << plan->kv_why;
      EXPECT_EQ(bytes_of(*plan, "kv"),
                (block_bytes(kept) + block_bytes(values)) * tiny.kv_heads * tiny.layers * 64 / 16);
    }
  }
}

TEST(Plan, KeysOfLongHeadsTakeFourBits) {
  const test::TempFolder folder;
  for (const uint32_t head_dim : {30u, 32u, 64u}) {
    const test::TinyModel shape{.head_dim = head_dim};
    const std::string file = (folder / "heads.rnl").string();
    test::convert_tiny(shape, "f32", file);
    const auto plan = plan_model(file.c_str(), {.context_tokens = 64, .threads = 1, .kv = KvType::q4});
    ASSERT_TRUE(plan.ok()) << plan.status().message();
    EXPECT_EQ(plan->kv.keys, head_dim < 32 ? KvType::q8 : KvType::q4) << head_dim;
    // A quarter of f16 and a float16 scale for each 32 numbers.
    if (head_dim < 32) continue;
    const uint64_t head = head_dim / 2 + head_dim / 32 * 2;
    EXPECT_EQ(bytes_of(*plan, "kv"), 64 * shape.layers * shape.kv_heads * 2 * head) << head_dim;
  }
}

TEST(Plan, AnIsaCanOnlyBeLowered) {
  const auto model = Model::open(path(), {.threads = 1, .isa = "scalar"});
  ASSERT_TRUE(model.ok());
  EXPECT_STREQ(model->info().isa, "scalar");
  const char* foreign = covers(cpu_isa(), Isa::neon) ? "avx2" : "neon";
  EXPECT_EQ(Model::open(path(), {.isa = foreign}).status().code(), Code::unsupported);
}

// The promise itself: what the process really takes for a model and a full session stays within the private bytes.
TEST(Plan, IsKept) {
  if (RUNNEL_INSTRUMENTED != 0) GTEST_SKIP() << "a sanitizer's own memory is in the process's figures";
  test::TempFolder folder;
  const auto context = static_cast<uint32_t>(test::effort(4096));
  const std::string file = (folder / "wide.rnl").string();
  test::convert_tiny({.layers = 4,
                      .model = 256,
                      .ffn = 512,
                      .heads = 8,
                      .kv_heads = 8,
                      .head_dim = 32,
                      .vocab = 4096,
                      .context = context},
                     "q8", file);
  { const auto warm = Model::open(test::tiny_model_path().c_str()); }
  const uint64_t before = process_memory().anonymous_bytes;
  const auto model = Model::open(file.c_str(), {.threads = 2, .verify = Verify::off});
  ASSERT_TRUE(model.ok()) << model.status().message();
  auto session = Session::create(*model);
  ASSERT_TRUE(session.ok());
  ASSERT_TRUE(session->append(std::vector<int32_t>(context - 64, 9)).ok());
  ASSERT_TRUE(
      session->generate({.max_tokens = 50, .sampler = {.temperature = 1, .top_k = 5}, .ignore_end = true}).ok());
  const uint64_t taken = process_memory().anonymous_bytes - before;
  // Pages that malloc keeps, the stack of this thread.
  EXPECT_LT(taken, model->plan().private_bytes + (1u << 20));
  EXPECT_GT(taken, bytes_of(model->plan(), "kv") * 9 / 10);
}

}  // namespace
}  // namespace runnel
