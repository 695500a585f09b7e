// What the executor does with memory during a step: it allocates nothing, and nothing that a freed arena region holds
// is ever read.
#include <gtest/gtest.h>

#include <atomic>
#include <cstring>

#include "graph/cpu/program.h"
#include "kernels/base/memory.h"
#include "runtime/pool/worker_pool.h"
#include "tests/support/graph_runner.h"
#include "tests/support/heap_counter.h"
#include "tests/support/llama_graph.h"

namespace runnel {
namespace {

ExecutorOptions small_options() {
  ExecutorOptions options;
  options.max_tokens = 8;
  options.max_outputs = 8;
  options.workers = 2;
  options.page_shift = 4;
  options.isa = active_isa();
  return options;
}

TEST(CpuExecutorMemory, AStepAllocatesNothing) {
  for (const DType type : {DType::q4g32, DType::f32}) {
    test::LlamaShape shape;
    shape.model = 128;
    shape.ffn = 352;
    shape.dtype = shape.down_dtype = type;
    const Graph graph = test::llama_graph(shape);
    const test::GraphWeights weights(graph, 1);
    test::GraphRunner runner(graph, weights, small_options());
    Result<WorkerPool> pool = WorkerPool::create(2);
    ASSERT_TRUE(pool.ok());
    const int32_t ids[] = {1, 2, 3, 4, 5};
    const uint32_t rows[] = {4};
    std::vector<float> logits(shape.vocab);
    StepInput input;
    input.pages = runner.pages();
    input.logits = logits.data();

    static std::atomic<uint64_t> gate_calls;
    gate_calls = 0;
    set_allocation_gate(
        [](void*, size_t) noexcept {
          ++gate_calls;
          return true;
        },
        nullptr);
    const uint64_t before = test::heap_calls();
    bool all_ok = true;
    for (uint32_t step = 0; step < 4; ++step) {
      const uint32_t tokens = step == 0 ? 5 : 1;
      const uint32_t row = tokens - 1;
      input.ids = {ids, tokens};
      input.output_rows = {step == 0 ? rows : &row, 1};
      all_ok &= runner.executor().run(input, *pool).ok();
      input.first_position += tokens;
    }
    const uint64_t after = test::heap_calls();
    set_allocation_gate(nullptr, nullptr);
    EXPECT_TRUE(all_ok);
    EXPECT_EQ(after - before, 0u);
    EXPECT_EQ(gate_calls, 0u);
  }
}

// Runs a step node by node over an arena full of not-a-number, and refills after each node what the plan calls free.
std::vector<float> run_poisoned(const Graph& graph, const test::GraphWeights& weights, uint8_t* const* const* pages,
                                const std::vector<int32_t>& ids, bool refill) {
  Result<CpuProgram> made = CpuProgram::create(graph, small_options());
  EXPECT_TRUE(made.ok());
  CpuProgram& program = *made;
  const Block arena(program.plan().arena_bytes), scratch(program.plan().scratch_bytes);
  std::memset(arena.data(), 0xff, program.plan().arena_bytes);
  EXPECT_TRUE(program.bind(weights.view(), arena.data(), scratch.data()).ok());
  std::vector<uint32_t> rows(ids.size());
  for (uint32_t i = 0; i < rows.size(); ++i) rows[i] = i;
  std::vector<float> logits(ids.size() * graph.values[graph.logits].shape.cols);
  StepInput input;
  input.ids = ids;
  input.pages = pages;
  input.output_rows = rows;
  input.logits = logits.data();
  SerialFor serial;
  EXPECT_TRUE(program.check_step(input, 1).ok());
  program.begin_step(input);
  std::vector<uint8_t> living(program.plan().arena_bytes);
  for (uint32_t n = 0; n < graph.nodes.size(); ++n) {
    std::memset(scratch.data(), 0xff, program.plan().scratch_bytes);
    EXPECT_TRUE(program.run_node(n, serial).ok());
    if (!refill) continue;
    std::fill(living.begin(), living.end(), uint8_t{0});
    for (ValueId v = 0; v < graph.values.size(); ++v) {
      const Placement& place = program.arena_plan().placement(v);
      if (place.home != Placement::Home::arena) continue;
      const ArenaPlan::Lifetime life = program.arena_plan().lifetime(v);
      if (life.first > n || life.last <= n) continue;
      for (uint32_t r = 0; r < ids.size(); ++r) {
        const uint64_t begin = place.offset + r * place.stride * sizeof(float);
        std::memset(living.data() + begin, 1, graph.values[v].shape.cols * sizeof(float));
      }
    }
    for (size_t i = 0; i < living.size(); ++i) {
      if (living[i] == 0) arena.data()[i] = 0xff;
    }
  }
  EXPECT_TRUE(program.end_step(input).ok());
  return logits;
}

TEST(CpuExecutorMemory, FreedRegionsAreNeverRead) {
  for (const uint32_t model : {64u, 90u}) {
    for (const DType type : {DType::q8g32, DType::f32}) {
      test::LlamaShape shape;
      shape.model = model;
      shape.ffn = 172;
      shape.head_dim = 20;
      shape.qk_norm = true;
      shape.logits_cap = 3;
      shape.dtype = shape.down_dtype = type;
      const Graph graph = test::llama_graph(shape);
      const test::GraphWeights weights(graph, 2);
      test::GraphRunner runner(graph, weights, small_options());
      SerialFor serial;
      const std::vector<int32_t> ids = {5, 80, 33, 2, 9};
      const std::vector<float> expected = runner.all(ids, serial);
      EXPECT_EQ(run_poisoned(graph, weights, runner.pages(), ids, false), expected);
      EXPECT_EQ(run_poisoned(graph, weights, runner.pages(), ids, true), expected);
    }
  }
}

}  // namespace
}  // namespace runnel
