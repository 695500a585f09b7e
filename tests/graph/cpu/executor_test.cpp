// CpuExecutor on small Llama-like graphs: against double precision, between step sizes, instruction sets, workers and
// page orders, and what it promises about memory, input and errors.
#include "graph/cpu/executor.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/base/memory.h"
#include "runtime/pool/worker_pool.h"
#include "tests/support/graph_runner.h"
#include "tests/support/llama_graph.h"
#include "tests/support/reference_graph.h"
#include "tests/support/shuffled_for.h"

namespace runnel {
namespace {

std::vector<int32_t> some_ids(size_t count, uint32_t vocab) {
  std::vector<int32_t> ids;
  for (size_t i = 0; i < count; ++i) ids.push_back(static_cast<int32_t>((i * 37 + 11) % vocab));
  return ids;
}

std::vector<test::LlamaShape> shapes() {
  std::vector<test::LlamaShape> all(6);
  all[1].dtype = DType::f32;
  all[1].down_dtype = DType::f32;
  all[1].attention_bias = true;
  all[1].interleaved = true;
  all[2].dtype = DType::q4g32;  // widths that are no multiples of the group
  all[2].down_dtype = DType::q8g32;
  all[2].model = 90;
  all[2].ffn = 172;
  all[2].head_dim = 20;
  all[2].qk_norm = true;
  all[3].dtype = DType::f16;
  all[3].down_dtype = DType::bf16;
  all[3].window = 7;
  all[3].rotary_dim = 8;
  all[4].dtype = DType::q4ag32;
  all[4].heads = all[4].kv_heads = 3;
  all[4].logits_cap = 4;
  all[5].vocab = 97;
  return all;
}

ExecutorOptions options_for(uint32_t workers) {
  ExecutorOptions options;
  options.max_tokens = 40;
  options.max_outputs = 40;
  options.workers = workers;
  options.page_shift = 4;
  options.isa = active_isa();
  return options;
}

double largest(const std::vector<double>& values) {
  double result = 0;
  for (double value : values) result = std::max(result, std::abs(value));
  return result;
}

std::vector<Isa> all_isas() {
  std::vector<Isa> isas = {Isa::scalar};
  for (Isa isa : {Isa::neon, Isa::neon_dotprod, Isa::neon_i8mm, Isa::avx2, Isa::avxvnni, Isa::avx512vnni}) {
    if (covers(cpu_isa(), isa)) isas.push_back(isa);
  }
  return isas;
}

TEST(CpuExecutor, AgreesWithDoublePrecisionOnEveryIsa) {
  for (const test::LlamaShape& shape : shapes()) {
    const Graph graph = test::llama_graph(shape);
    const test::GraphWeights weights(graph, 3);
    const std::vector<int32_t> ids = some_ids(33, shape.vocab);
    std::vector<uint32_t> rows(ids.size());
    for (uint32_t i = 0; i < rows.size(); ++i) rows[i] = i;
    const std::vector<double> expected = test::run_reference(graph, weights, ids, rows);
    const double scale = largest(expected);
    for (const Isa isa : all_isas()) {
      for (const Activations activations : {Activations::f32, Activations::q16, Activations::automatic}) {
        ExecutorOptions options = options_for(1);
        options.isa = isa;
        options.activations = activations;
        test::GraphRunner runner(graph, weights, options);
        SerialFor serial;
        const std::vector<float> actual = runner.all(ids, serial);
        // Floats: a key on the middle between two halves may round to the other one than in double precision.
        const double bound = activations == Activations::f32 ? 2e-4 : activations == Activations::q16 ? 1e-3 : 0.06;
        for (size_t i = 0; i < actual.size(); ++i) {
          ASSERT_NEAR(actual[i], expected[i], bound * scale)
              << dtype_info(shape.dtype).name << " on " << isa_name(isa) << " at " << i;
        }
      }
    }
  }
}

TEST(CpuExecutor, OnePromptEqualsItsTokensOneByOne) {
  for (const test::LlamaShape& shape : shapes()) {
    const Graph graph = test::llama_graph(shape);
    const test::GraphWeights weights(graph, 4);
    const std::vector<int32_t> ids = some_ids(29, shape.vocab);
    SerialFor serial;
    const std::vector<float> whole = test::GraphRunner(graph, weights, options_for(1)).all(ids, serial);
    const std::vector<float> single = test::GraphRunner(graph, weights, options_for(1)).one_by_one(ids, serial);
    ASSERT_EQ(whole.size(), single.size());
    double scale = 0;
    for (float value : whole) scale = std::max(scale, std::abs(double{value}));
    // Tiles of several rows may sum in another order; the rounding that 8-bit activations make of it stays small.
    for (size_t i = 0; i < whole.size(); ++i) ASSERT_NEAR(whole[i], single[i], 0.02 * scale) << i;
  }
}

TEST(CpuExecutor, SameBitsForAnyWorkersAndPages) {
  for (const test::LlamaShape& shape : shapes()) {
    const Graph graph = test::llama_graph(shape);
    const test::GraphWeights weights(graph, 5);
    const std::vector<int32_t> ids = some_ids(31, shape.vocab);
    SerialFor serial;
    const std::vector<float> expected = test::GraphRunner(graph, weights, options_for(1)).all(ids, serial);
    const std::vector<float> expected_single =
        test::GraphRunner(graph, weights, options_for(1)).one_by_one(ids, serial);
    for (uint32_t seed = 1; seed <= 3; ++seed) {
      test::ShuffledFor shuffled(5, seed);
      EXPECT_EQ(test::GraphRunner(graph, weights, options_for(5), seed).all(ids, shuffled), expected);
      EXPECT_EQ(test::GraphRunner(graph, weights, options_for(5), seed).one_by_one(ids, shuffled), expected_single);
    }
    for (uint32_t threads : {1u, 2u, 4u}) {
      Result<WorkerPool> pool = WorkerPool::create(threads);
      ASSERT_TRUE(pool.ok());
      EXPECT_EQ(test::GraphRunner(graph, weights, options_for(4)).all(ids, *pool), expected) << threads;
      EXPECT_EQ(test::GraphRunner(graph, weights, options_for(4)).one_by_one(ids, *pool), expected_single) << threads;
    }
  }
}

// With more workers than kv heads a token's keys are handed out in parts: the bits of whole units, which one worker
// runs.
TEST(CpuExecutor, SameBitsWhenKeysAreHandedOutInParts) {
  test::LlamaShape shape;
  shape.kv_heads = 1;
  const Graph graph = test::llama_graph(shape);
  const test::GraphWeights weights(graph, 6);
  const std::vector<int32_t> prompt = some_ids(900, shape.vocab), ids = some_ids(7, shape.vocab);
  const auto logits = [&](ParallelFor& workers) {
    ExecutorOptions options = options_for(workers.worker_count());
    options.page_shift = 5;
    options.max_tokens = 900;
    test::GraphRunner runner(graph, weights, options, 2);
    std::vector<float> last, four;
    EXPECT_TRUE(runner.step(prompt, {899}, workers, &last).ok());
    const std::vector<float> single = runner.one_by_one(ids, workers);
    EXPECT_TRUE(runner.step({4, 3, 2, 1}, {0, 1, 2, 3}, workers, &four).ok());
    last.insert(last.end(), single.begin(), single.end());
    last.insert(last.end(), four.begin(), four.end());
    return last;
  };
  SerialFor serial;
  const std::vector<float> expected = logits(serial);
  test::ShuffledFor shuffled(5, 1);
  EXPECT_EQ(logits(shuffled), expected);
  for (uint32_t threads : {2u, 4u}) {
    Result<WorkerPool> pool = WorkerPool::create(threads);
    ASSERT_TRUE(pool.ok());
    EXPECT_EQ(logits(*pool), expected) << threads;
  }
}

// Wide enough that the work is really handed out, also for one token.
TEST(CpuExecutor, WideStepsUseTheWorkers) {
  test::LlamaShape shape;
  shape.model = 256;
  shape.ffn = 640;
  shape.head_dim = 32;
  shape.heads = 8;
  shape.vocab = 512;
  const Graph graph = test::llama_graph(shape);
  const test::GraphWeights weights(graph, 6);
  const std::vector<int32_t> ids = some_ids(7, shape.vocab);
  SerialFor serial;
  const std::vector<float> expected = test::GraphRunner(graph, weights, options_for(1)).one_by_one(ids, serial);
  test::ShuffledFor shuffled(4, 9);
  EXPECT_EQ(test::GraphRunner(graph, weights, options_for(4)).one_by_one(ids, shuffled), expected);
  EXPECT_GE(shuffled.runs, 7 * 2 * 3u);
}

struct Count {
  uint64_t bytes = 0, calls = 0;
};

Count g_count;

bool count_allocation(void* context, size_t bytes) noexcept {
  auto& count = *static_cast<Count*>(context);
  count.bytes += bytes;
  ++count.calls;
  return true;
}

TEST(CpuExecutor, TakesWhatThePlanSays) {
  for (const test::LlamaShape& shape : shapes()) {
    const Graph graph = test::llama_graph(shape);
    const test::GraphWeights weights(graph, 7);
    const Result<ExecutorPlan> plan = plan_executor(graph, options_for(3));
    ASSERT_TRUE(plan.ok()) << plan.status().message();
    g_count = {};
    set_allocation_gate(count_allocation, &g_count);
    Result<CpuExecutor> executor = CpuExecutor::create(graph, weights.view(), options_for(3));
    set_allocation_gate(nullptr, nullptr);
    ASSERT_TRUE(executor.ok()) << executor.status().message();
    EXPECT_EQ(g_count.bytes, plan->arena_bytes + plan->scratch_bytes + plan->table_bytes + plan->packed_copy_bytes);
    EXPECT_EQ(*plan, executor->plan());
    EXPECT_EQ(plan->kv.count, 1u);
    EXPECT_EQ(plan->kv.groups[0].page_bytes, uint64_t{shape.layers} * 2 * shape.kv_heads * shape.head_dim * 16 * 2);
  }
}

// Slots of each window have pages of their own, and nothing is read of those that a window has left.
TEST(CpuExecutor, WindowsHavePagesOfTheirOwn) {
  Graph graph = test::llama_graph({});
  ASSERT_EQ(graph.slots.size(), 2u);
  graph.slots[1].window = 19;
  const test::GraphWeights weights(graph, 3);
  SerialFor serial;
  std::vector<int32_t> ids(90);
  for (size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<int32_t>(i * 7 % 90);
  test::GraphRunner whole(graph, weights, options_for(1)), part(graph, weights, options_for(1), 3);
  const KvGroups& groups = whole.executor().plan().kv;
  ASSERT_EQ(groups.count, 2u);
  EXPECT_EQ(groups.groups[0].window, 0u);
  EXPECT_EQ(groups.groups[1].window, 19u);
  EXPECT_EQ(groups.groups[0].page_bytes, groups.groups[1].page_bytes);
  for (size_t begin = 0; begin < ids.size(); begin += 9) {
    const std::vector<int32_t> step(ids.begin() + begin, ids.begin() + begin + 9);
    const std::vector<float> expected = whole.all(step, serial);
    // What lies before the window of the step's first token is overwritten with what is not a number.
    if (begin >= 19) {
      for (size_t page = 0; page < (begin - 18) / 16; ++page) {
        std::memset(part.pages()[1][page], 0x7f, groups.groups[1].page_bytes);
      }
    }
    ASSERT_EQ(part.all(step, serial), expected) << begin;
  }
}

TEST(CpuExecutor, EveryFailingAllocationIsAStatus) {
  const Graph graph = test::llama_graph({});
  const test::GraphWeights weights(graph, 8);
  for (int allowed = 0; allowed < 20; ++allowed) {
    int left = allowed;
    set_allocation_gate([](void* context, size_t) noexcept { return (*static_cast<int*>(context))-- > 0; }, &left);
    Result<CpuExecutor> executor = CpuExecutor::create(graph, weights.view(), options_for(2));
    set_allocation_gate(nullptr, nullptr);
    if (executor.ok()) {
      EXPECT_GE(allowed, 3);
      return;
    }
    EXPECT_EQ(executor.status().code(), Code::out_of_memory) << executor.status().message();
  }
  FAIL() << "never succeeded";
}

TEST(CpuExecutor, RefusesWhatItCannotRun) {
  const Graph graph = test::llama_graph({});
  const test::GraphWeights weights(graph, 9);
  ExecutorOptions options = options_for(1);
  options.max_tokens = 4;
  options.max_outputs = 2;
  test::GraphRunner runner(graph, weights, options);
  const auto run = [&](std::vector<int32_t> ids, std::vector<uint32_t> rows, const char* expected) {
    SerialFor serial;
    std::vector<float> logits(rows.size() * 96);
    StepInput input;
    input.ids = ids;
    input.pages = runner.pages();
    input.output_rows = rows;
    input.logits = logits.data();
    const Status status = runner.executor().run(input, serial);
    EXPECT_EQ(status.code(), *expected == 0 ? Code::ok : Code::invalid_argument);
    if (*expected != 0) {
      EXPECT_STREQ(status.message(), expected);
    }
  };
  run({}, {}, "executor: a step of 0 tokens, expected 1 to 4");
  run({1, 2, 3, 4, 5}, {}, "executor: a step of 5 tokens, expected 1 to 4");
  run({1, 96}, {}, "executor: token id 96 at 1, the vocabulary has 96");
  run({-1}, {}, "executor: token id -1 at 0, the vocabulary has 96");
  run({INT32_MIN}, {}, "executor: token id -2147483648 at 0, the vocabulary has 96");
  run({1, 2, 3}, {0, 1, 2}, "executor: 3 rows of logits, at most 2 were planned");
  run({1, 2}, {2}, "executor: logits of row 2 at 0, expected ascending rows of 2");
  run({1, 2}, {1, 1}, "executor: logits of row 1 at 1, expected ascending rows of 2");
  run({1, 2}, {}, "");
  run({1, 2}, {0, 1}, "");

  SerialFor serial;
  const int32_t id = 1;
  StepInput input;
  input.ids = {&id, 1};
  EXPECT_STREQ(runner.executor().run(input, serial).message(), "executor: no page table");
  input.pages = runner.pages();
  input.first_position = UINT32_MAX;
  EXPECT_STREQ(runner.executor().run(input, serial).message(), "executor: 1 tokens from position 4294967295 on");
  input.first_position = 0;
  const uint32_t row = 0;
  input.output_rows = {&row, 1};
  EXPECT_STREQ(runner.executor().run(input, serial).message(), "executor: no place for 1 rows of logits");
  test::ShuffledFor three(3, 1);
  input.output_rows = {};
  EXPECT_STREQ(runner.executor().run(input, three).message(), "executor: 3 workers, 1 were planned");

  for (const auto& change :
       {+[](ExecutorOptions& o) { o.max_tokens = 0; }, +[](ExecutorOptions& o) { o.workers = 0; },
        +[](ExecutorOptions& o) { o.page_shift = 13; }, +[](ExecutorOptions& o) { o.max_outputs = 41; },
        +[](ExecutorOptions& o) { o.max_tokens = UINT32_MAX; }}) {
    ExecutorOptions wrong = options_for(1);
    change(wrong);
    EXPECT_EQ(plan_executor(graph, wrong).status().code(), Code::invalid_argument);
  }
}

TEST(CpuExecutor, StopsWhenCancelled) {
  const Graph graph = test::llama_graph({});
  const test::GraphWeights weights(graph, 10);
  test::GraphRunner runner(graph, weights, options_for(1));
  // Cancels itself in the middle of the step.
  struct CancellingFor final : ParallelFor {
    std::atomic<bool> cancelled = false;
    int left = 3;
    void run(uint32_t units, uint32_t, SliceFn fn, void* context) noexcept override {
      fn(context, {0, units}, 0);
      if (--left == 0) cancelled = true;
      EXPECT_GE(left, -1) << "more than the node in hand ran on after it was cancelled";
    }
    uint32_t worker_count() const noexcept override { return 1; }
  } cancelling;
  const std::vector<int32_t> ids = some_ids(40, 96);
  StepInput input;
  input.ids = ids;
  input.pages = runner.pages();
  input.cancel = &cancelling.cancelled;
  const Status status = runner.executor().run(input, cancelling);
  EXPECT_EQ(status.code(), Code::cancelled);
  EXPECT_STREQ(status.message(), "executor: cancelled in layer 0");
}

TEST(CpuExecutor, TouchesEachWeightOnceBeforeItsUse) {
  const Graph graph = test::llama_graph({});
  test::GraphWeights weights(graph, 11);
  SerialFor serial;
  {
    test::GraphRunner runner(graph, weights, options_for(1));
    std::vector<float> logits;
    ASSERT_TRUE(runner.step({1, 2}, {}, serial, &logits).ok());
    EXPECT_EQ(weights.touches.front(), 1u);
    EXPECT_EQ(weights.touches.back(), 0u) << "no logits were asked for";
    ASSERT_TRUE(runner.step({1}, {0}, serial, &logits).ok());
    ASSERT_TRUE(runner.step({1}, {0}, serial, &logits).ok());
    for (size_t i = 0; i < weights.touches.size(); ++i) EXPECT_EQ(weights.touches[i], 1u) << graph.tensors[i].name;
  }
  weights.damaged = true;
  {
    test::GraphRunner runner(graph, weights, options_for(1));
    std::vector<float> logits;
    EXPECT_EQ(runner.step({1, 2}, {}, serial, &logits).code(), Code::corrupt_file);
  }
  weights.refused = 4;
  test::GraphRunner runner(graph, weights, options_for(1));
  std::vector<float> logits;
  for (int i = 0; i < 2; ++i) {
    const Status status = runner.step({1, 2}, {}, serial, &logits);
    EXPECT_EQ(status.code(), Code::corrupt_file);
    EXPECT_STREQ(status.message(), "graph weights: tensor 4 was refused");
  }
}

}  // namespace
}  // namespace runnel
