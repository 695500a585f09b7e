// A profile by op accounts for all of a step: every linear with its bytes and multiplications, parts that add up.
#include "runtime/bench/op_bench.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "graph/cost.h"
#include "graph/file/model_file.h"
#include "tests/support/tiny_model_file.h"

namespace runnel {
namespace {

struct OpBench : testing::Test {
  Result<Model> model =
      Model::open(test::tiny_model_path().c_str(), {.share_prefixes = false, .threads = 2, .verify = Verify::off});
  Result<Session> session = Session::create(*model);
  StepCost cost = step_cost(ModelFile::open(test::tiny_model_path().c_str(), {})->graph());
};

void expect_parts_to_add_up(const OpProfile& profile) {
  double sum = 0, jobs = 0;
  std::set<std::string> names;
  for (const OpFigures& op : profile.ops) {
    EXPECT_TRUE(names.insert(op.name).second) << op.name << " twice";
    EXPECT_GT(op.runs, 0) << op.name;
    EXPECT_LE(op.jobs, op.runs) << op.name;
    EXPECT_GE(op.busy_ms, 0) << op.name;
    sum += op.ms;
    jobs += op.jobs;
  }
  EXPECT_NEAR(profile.ops_ms, sum, 1e-9);
  EXPECT_NEAR(profile.jobs, jobs, 1e-9);
  EXPECT_GE(profile.rest_ms(), 0);
  EXPECT_GT(profile.non_gemm_percent(), 0);
  EXPECT_LT(profile.non_gemm_percent(), 100);
  for (const char* role : {"attn.qkv", "attn.o", "ffn.gate_up", "ffn.down", "lm_head"})
    EXPECT_TRUE(names.contains("linear " + std::string(role) + ", multiply")) << role;
  EXPECT_TRUE(names.contains("attention, attend"));
}

TEST_F(OpBench, DecodeReadsEveryWeightOnce) {
  const auto profile = profile_decode(*session, {.tokens = 8, .depth = 5, .warm_up = 2});
  ASSERT_TRUE(profile.ok()) << profile.status().message();
  expect_parts_to_add_up(*profile);
  EXPECT_EQ(profile->samples, 4u) << "the middle half";
  EXPECT_GT(profile->sampling_ms, 0);
  double bytes = 0, macs = 0;
  for (const OpFigures& op : profile->ops) {
    if (!op.is_gemm) continue;
    bytes += op.bytes;
    macs += op.macs;
  }
  EXPECT_DOUBLE_EQ(bytes, static_cast<double>(cost.weight_bytes));
  EXPECT_DOUBLE_EQ(macs, static_cast<double>(cost.macs_per_token + cost.macs_per_output));
}

TEST_F(OpBench, PrefillMultipliesEveryToken) {
  constexpr uint32_t kTokens = 40;
  const auto profile = profile_prefill(*session, {.tokens = kTokens, .depth = 3, .repeats = 3});
  ASSERT_TRUE(profile.ok()) << profile.status().message();
  expect_parts_to_add_up(*profile);
  double macs = 0, attention_macs = 0;
  for (const OpFigures& op : profile->ops) {
    if (op.is_gemm) macs += op.macs;
    if (std::string_view(op.name) == "attention, attend") attention_macs = op.macs;
  }
  EXPECT_DOUBLE_EQ(macs, static_cast<double>(cost.macs_per_token * kTokens + cost.macs_per_output));
  // Tokens 3 .. 42 see 4 .. 43 of them, in 2 layers, 64 columns of queries, twice.
  EXPECT_DOUBLE_EQ(attention_macs, 2.0 * 2 * 64 * (4 + 43) * kTokens / 2);
}

TEST_F(OpBench, RefusesNothing) {
  EXPECT_EQ(profile_decode(*session, {.tokens = 0}).status().code(), Code::invalid_argument);
  EXPECT_EQ(profile_prefill(*session, {.tokens = 8, .repeats = 0}).status().code(), Code::invalid_argument);
  EXPECT_EQ(profile_prefill(*session, {.tokens = 1000, .repeats = 1}).status().code(), Code::context_full);
}

}  // namespace
}  // namespace runnel
