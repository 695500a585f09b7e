// A step's profile counts every phase once, reads the clock only around what runs, and changes no result.
#include "graph/cpu/step_profile.h"

#include <gtest/gtest.h>

#include "graph/cpu/executor.h"
#include "tests/support/graph_runner.h"
#include "tests/support/llama_graph.h"

namespace runnel {
namespace {

// A clock that goes on by one each time it is read.
uint64_t ticks = 0;
uint64_t tick() noexcept { return ++ticks; }

struct Profiled {
  Graph graph = test::llama_graph({});
  test::GraphWeights weights{graph, 3};
  test::GraphRunner runner{graph, weights, options()};
  StepProfile profile = *StepProfile::create(graph.nodes.size(), 4, tick);

  static ExecutorOptions options() {
    ExecutorOptions options;
    options.max_tokens = 40;
    options.page_shift = 4;
    return options;
  }
  Status step(const std::vector<int32_t>& ids, std::vector<float>* logits, StepProfile* profile) {
    const uint32_t last = static_cast<uint32_t>(ids.size()) - 1;
    logits->resize(96);
    SerialFor serial;
    return runner.executor().run(
        {.ids = ids, .pages = runner.pages(), .output_rows = {&last, 1}, .logits = logits->data(), .profile = profile},
        serial);
  }
};

TEST(StepProfile, CountsEveryPhaseAndChangesNothing) {
  Profiled p;
  const std::vector<int32_t> ids = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22};
  std::vector<float> with, without;
  ticks = 0;
  ASSERT_TRUE(p.step(ids, &without, nullptr).ok());
  EXPECT_EQ(ticks, 0u);
  ASSERT_TRUE(p.step(ids, &with, &p.profile).ok());
  EXPECT_EQ(with, without);
  ASSERT_EQ(p.profile.steps().size(), 1u);
  EXPECT_EQ(p.profile.steps()[0].tokens, ids.size());
  EXPECT_EQ(p.profile.steps()[0].outputs, 1u);

  uint64_t total = 0, jobs = 0;
  for (size_t n = 0; n < p.graph.nodes.size(); ++n) {
    const Node& node = p.graph.nodes[n];
    for (uint32_t phase = 0; phase < kMaxPhases; ++phase) {
      const PhaseTimes& times = p.profile.times(n, phase);
      const bool exists = !node.op->is_view && phase < node.op->cpu->phases;
      // A single row is not prepared in a phase of its own.
      const bool is_single = node.op == &op_linear && p.graph.values[node.outputs[0]].shape.kind == Rows::outputs;
      // Nor are there parts to merge in a step of so few keys.
      const bool is_merge = node.op == &op_attention && phase == 2;
      EXPECT_EQ(times.runs, exists && !(is_single && phase == 0) && !is_merge ? 1u : 0u)
          << node.op->name << " " << phase;
      // One tick in each of the slices, one between them, and the two around all.
      EXPECT_EQ(times.wall_ns, times.runs == 0 ? 0 : 2 * times.busy_ns + 1) << node.op->name << " " << phase;
      EXPECT_EQ(times.jobs, times.busy_ns > 1 ? 1u : 0u) << node.op->name << " " << phase;
      total += times.runs;
      jobs += times.jobs;
    }
  }
  EXPECT_GT(total, p.graph.nodes.size() / 2);
  EXPECT_GT(jobs, 0u);
}

TEST(StepProfile, AddsUpUntilCleared) {
  Profiled p;
  std::vector<float> logits;
  for (int i = 0; i < 6; ++i) ASSERT_TRUE(p.step({1, 2, 3}, &logits, &p.profile).ok());
  EXPECT_EQ(p.profile.steps().size(), 4u) << "as many as were asked for";
  const size_t last = p.graph.nodes.size() - 1;
  const uint32_t phase = p.graph.nodes[last].op->cpu->phases - 1;
  EXPECT_EQ(p.profile.times(last, phase).runs, 6u);
  p.profile.clear();
  EXPECT_EQ(p.profile.times(last, phase).runs, 0u);
  EXPECT_TRUE(p.profile.steps().empty());
}

}  // namespace
}  // namespace runnel
