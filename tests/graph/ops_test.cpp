// Every op on the CPU against double precision, and what its shape rule refuses.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <string>

#include "graph/builder.h"
#include "graph/op.h"
#include "tests/support/graph_runner.h"
#include "tests/support/reference_graph.h"
#include "tests/support/shuffled_for.h"

namespace runnel {
namespace {

constexpr uint32_t kVocab = 40;

struct OpCase {
  const char* name;
  const char* op;  // the op it is about
  uint32_t cols;   // of the embedding that feeds it
  std::function<BuildValue(GraphBuilder&, BuildValue)> build;
  double bound = 2e-6;  // largest difference, over the largest value
};

BuildValue vector(GraphBuilder& b, const char* name, uint32_t cols) { return b.weight(name, DType::f32, 1, cols); }

// A table whose angles differ from position to position.
BuildValue table(GraphBuilder& b, uint32_t half, float amplitude = 1) {
  return b.rope_table(vector(b, "freq", half), amplitude);
}

std::vector<OpCase> op_cases() {
  std::vector<OpCase> cases;
  for (DType type : {DType::f32, DType::f16, DType::bf16, DType::q8g32, DType::q4g32, DType::q4ag32}) {
    for (uint32_t cols : {32u, 80u, 90u, 7u}) {
      cases.push_back({"embed", "embed", cols,
                       [=](GraphBuilder& b, BuildValue) { return b.embed(b.weight("table", type, kVocab, cols)); }});
      cases.push_back({"linear", "linear", cols,
                       [=](GraphBuilder& b, BuildValue x) { return b.linear(x, b.weight("w", type, 37, cols)); }});
      cases.push_back({"linear with bias", "linear", cols, [=](GraphBuilder& b, BuildValue x) {
                         return b.linear(x, b.weight("w", type, 50, cols), vector(b, "bias", 50));
                       }});
    }
    // x is a view whose neighbours are not zeros, and whose rows are not aligned.
    cases.push_back(
        {"linear of a view", "split", 48, [=](GraphBuilder& b, BuildValue x) {
           const BuildValue weights[] = {b.weight("a", DType::f32, 9, 48), b.weight("b", DType::f32, 40, 48),
                                         b.weight("c", DType::f32, 3, 48)};
           BuildValue parts[3];
           b.linear_siblings(x, "abc", weights, {}, parts);
           const BuildValue y = b.linear(parts[1], b.weight("w", type, 21, 40));
           return b.add(y, b.linear(b.gated(parts[1], parts[1], GateKind::relu), b.weight("v", type, 21, 40)));
         }});
  }
  for (uint32_t cols : {1u, 16u, 96u, 90u, 3000u}) {
    cases.push_back({"rms_norm", "rms_norm", cols,
                     [=](GraphBuilder& b, BuildValue x) { return b.rms_norm(x, vector(b, "w", cols), 1e-5f); }});
    cases.push_back({"layer_norm", "layer_norm", cols,
                     [=](GraphBuilder& b, BuildValue x) {
                       return b.layer_norm(x, vector(b, "w", cols), vector(b, "bias", cols), 1e-2f);
                     },
                     1e-5});
    cases.push_back({"layer_norm without bias", "layer_norm", cols,
                     [=](GraphBuilder& b, BuildValue x) { return b.layer_norm(x, vector(b, "w", cols), {}, 1e-2f); },
                     1e-5});
    cases.push_back({"add", "add", cols, [=](GraphBuilder& b, BuildValue x) { return b.add(x, b.scale(x, 3)); }});
    cases.push_back({"add to itself", "add", cols, [=](GraphBuilder& b, BuildValue x) { return b.add(x, x); }});
    cases.push_back({"mul", "mul", cols, [=](GraphBuilder& b, BuildValue x) { return b.mul(b.scale(x, 3), x); }});
    cases.push_back({"scale", "scale", cols, [=](GraphBuilder& b, BuildValue x) { return b.scale(x, -0.37f); }});
    cases.push_back({"soft_cap", "soft_cap", cols, [=](GraphBuilder& b, BuildValue x) { return b.soft_cap(x, 0.5f); }});
    for (GateKind kind : {GateKind::silu, GateKind::gelu, GateKind::gelu_tanh, GateKind::relu}) {
      cases.push_back({"activation", "activation", cols,
                       [=](GraphBuilder& b, BuildValue x) { return b.activation(b.scale(x, 20), kind); }});
      cases.push_back({"gated", "gated", cols,
                       [=](GraphBuilder& b, BuildValue x) { return b.gated(b.scale(x, 20), b.scale(x, -2), kind); }});
    }
  }
  cases.push_back({"rms_norm by head", "rms_norm", 60,
                   [](GraphBuilder& b, BuildValue x) { return b.rms_norm_heads(x, vector(b, "w", 10), 1e-6f, 6); }});
  cases.push_back({"rope_table", "rope_table", 8, [](GraphBuilder& b, BuildValue) { return table(b, 5, 1.5f); }});
  for (bool interleaved : {false, true}) {
    for (uint32_t rotary : {0u, 6u, 2u}) {
      cases.push_back({"rope", "rope", 30, [=](GraphBuilder& b, BuildValue x) {
                         return b.rope(x, table(b, rotary == 0 ? 5 : rotary / 2), {3, 10, rotary, interleaved});
                       }});
      cases.push_back(
          {"rope of what is read again", "rope", 30, [=](GraphBuilder& b, BuildValue x) {
             return b.add(b.rope(x, table(b, rotary == 0 ? 5 : rotary / 2), {3, 10, rotary, interleaved}), x);
           }});
    }
  }
  for (uint32_t window : {0u, 3u}) {
    for (uint32_t head_dim : {8u, 20u, 64u}) {
      cases.push_back({"attention", "attention", 24,
                       [=](GraphBuilder& b, BuildValue x) {
                         const BuildValue q = b.linear(x, b.weight("q", DType::f32, 6 * head_dim, 24));
                         const BuildValue k = b.linear(x, b.weight("k", DType::f32, 2 * head_dim, 24));
                         const BuildValue v = b.linear(x, b.weight("v", DType::f32, 2 * head_dim, 24));
                         return b.attention(q, k, v, {6, 2, head_dim, 0.7f, window});
                       },
                       1e-5});
    }
  }
  cases.push_back({"select_rows", "select_rows", 9, [](GraphBuilder&, BuildValue x) { return x; }});
  return cases;
}

struct OpGraph {
  Graph graph;
  Status status;
};

OpGraph graph_of(const OpCase& op_case) {
  GraphBuilder b;
  const BuildValue x = b.embed(b.weight("embed", DType::f32, kVocab, op_case.cols));
  const BuildValue y = op_case.build(b, x);
  OpGraph result;
  Array<GraphBuilder::WeightSource> sources;
  result.status = b.finish(b.select_rows(y), &result.graph, &sources);
  return result;
}

const std::vector<int32_t> kIds = {3, 39, 0, 7, 7, 21, 30};

TEST(Ops, AgreeWithDoublePrecision) {
  std::vector<std::string> seen;
  for (const OpCase& op_case : op_cases()) {
    SCOPED_TRACE(std::string(op_case.name) + " of " + std::to_string(op_case.cols) + " columns");
    seen.push_back(op_case.op);
    const OpGraph made = graph_of(op_case);
    ASSERT_TRUE(made.status.ok()) << made.status.message();
    const test::GraphWeights weights(made.graph, 17);
    for (const std::vector<uint32_t>& rows : {std::vector<uint32_t>{0, 1, 2, 3, 4, 5, 6}, {1, 5}, {6}}) {
      const std::vector<double> expected = test::run_reference(made.graph, weights, kIds, rows);
      ExecutorOptions options;
      options.max_tokens = 9;
      options.max_outputs = 8;
      options.workers = 3;
      options.page_shift = 4;
      options.activations = Activations::f32;
      test::GraphRunner runner(made.graph, weights, options, 5);
      test::ShuffledFor workers(3, 11);
      std::vector<float> actual;
      const Status status = runner.step(kIds, rows, workers, &actual);
      ASSERT_TRUE(status.ok()) << status.message();
      ASSERT_EQ(actual.size(), expected.size());
      double largest = 1e-3;
      for (double value : expected) largest = std::max(largest, std::abs(value));
      for (size_t i = 0; i < actual.size(); ++i) {
        ASSERT_NEAR(actual[i], expected[i], op_case.bound * largest) << "at " << i;
      }
    }
  }
  for (const OpDef* op : ops()) {
    EXPECT_NE(std::find(seen.begin(), seen.end(), op->name), seen.end()) << op->name << " has no case";
  }
}

// 8-bit activations: the same graphs within what an 8-bit group of 32 can hold.
TEST(Ops, QuantizedActivationsStayClose) {
  for (const OpCase& op_case : op_cases()) {
    if (std::string(op_case.op) != "linear") continue;
    const OpGraph made = graph_of(op_case);
    ASSERT_TRUE(made.status.ok()) << made.status.message();
    const test::GraphWeights weights(made.graph, 23);
    const std::vector<uint32_t> rows = {0, 1, 2, 3, 4, 5, 6};
    const std::vector<double> expected = test::run_reference(made.graph, weights, kIds, rows);
    ExecutorOptions options;
    options.max_tokens = 8;
    options.max_outputs = 8;
    options.isa = active_isa();
    test::GraphRunner runner(made.graph, weights, options);
    SerialFor serial;
    const std::vector<float> actual = runner.all(kIds, serial);
    double largest = 0;
    for (double value : expected) largest = std::max(largest, std::abs(value));
    for (size_t i = 0; i < actual.size(); ++i) ASSERT_NEAR(actual[i], expected[i], 0.02 * largest) << op_case.cols;
  }
}

struct RefusedCase {
  const char* message;
  std::function<BuildValue(GraphBuilder&, BuildValue)> build;  // x has 24 columns
};

TEST(Ops, ShapeRulesRefuse) {
  const RefusedCase cases[] = {
      {"embed: table is an activation, expected a weight", [](auto& b, auto x) { return b.embed(x); }},
      {"embed: table has 1 rows, expected a matrix", [](auto& b, auto) { return b.embed(vector(b, "t", 4)); }},
      {"linear: weight is (8, 25), x has 24 columns",
       [](auto& b, auto x) { return b.linear(x, b.weight("w", DType::f32, 8, 25)); }},
      {"linear: weight is an activation, expected a weight", [](auto& b, auto x) { return b.linear(x, x); }},
      {"linear: weight has 1 rows, expected a matrix", [](auto& b, auto x) { return b.linear(x, vector(b, "w", 24)); }},
      {"linear: bias is (1, 9), expected (1, 8)",
       [](auto& b, auto x) { return b.linear(x, b.weight("w", DType::f32, 8, 24), vector(b, "b", 9)); }},
      {"linear: x is a weight, expected an activation",
       [](auto& b, auto) { return b.linear(vector(b, "x", 24), b.weight("w", DType::f32, 8, 24)); }},
      {"rms_norm: weight is (1, 23), expected (1, 24)",
       [](auto& b, auto x) { return b.rms_norm(x, vector(b, "w", 23), 1e-5f); }},
      {"rms_norm: 24 columns are not 5 heads",
       [](auto& b, auto x) { return b.rms_norm_heads(x, vector(b, "w", 4), 1e-5f, 5); }},
      {"layer_norm: bias is (1, 8), expected (1, 24)",
       [](auto& b, auto x) { return b.layer_norm(x, vector(b, "w", 24), vector(b, "b", 8), 1e-5f); }},
      {"rope_table: 257 frequencies, at most 256 are allowed", [](auto& b, auto) { return table(b, 257); }},
      {"rope: x has 24 columns, expected 2 heads of 10, one row a token",
       [](auto& b, auto x) {
         return b.rope(x, table(b, 5), {2, 10});
       }},
      {"rope: rotary_dim is 5, expected an even number up to 12",
       [](auto& b, auto x) {
         return b.rope(x, table(b, 5), {2, 12, 5});
       }},
      {"rope: table has 10 columns, expected 12, one row a token",
       [](auto& b, auto x) {
         return b.rope(x, table(b, 5), {2, 12});
       }},
      {"attention: q has 24 columns, expected 48, one row a token",
       [](auto& b, auto x) {
         return b.attention(x, x, x, {4, 2, 12});
       }},
      {"attention: k is a weight, expected an activation",
       [](auto& b, auto x) {
         return b.attention(x, vector(b, "k", 24), x, {2, 2, 12});
       }},
      {"gated: inputs differ: (tokens, 24) and (tokens, 10)",
       [](auto& b, auto x) { return b.gated(x, table(b, 5), GateKind::silu); }},
      {"add: inputs differ: (tokens, 24) and (outputs, 24)",
       [](auto& b, auto x) { return b.add(x, b.select_rows(x)); }},
      {"mul: b is a weight, expected an activation", [](auto& b, auto x) { return b.mul(x, vector(b, "w", 24)); }},
      {"scale: x is a weight, expected an activation", [](auto& b, auto) { return b.scale(vector(b, "w", 24), 2); }},
      {"soft_cap: x is a weight, expected an activation",
       [](auto& b, auto) { return b.soft_cap(vector(b, "w", 24), 2); }},
      {"activation: x is a weight, expected an activation",
       [](auto& b, auto) { return b.activation(vector(b, "w", 24), GateKind::relu); }},
      {"select_rows: x has not one row a token", [](auto& b, auto x) { return b.select_rows(b.select_rows(x)); }},
  };
  for (const RefusedCase& refused : cases) {
    const OpGraph made = graph_of({"", "", 24, refused.build});
    EXPECT_EQ(made.status.code(), Code::invalid_argument);
    EXPECT_NE(std::string(made.status.message()).find(refused.message), std::string::npos)
        << made.status.message() << "\nexpected " << refused.message;
  }
}

}  // namespace
}  // namespace runnel
