// XNNPACK as the float back end: close to double precision, the same bits for any workers, its copy in the plan.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "graph/cpu/float_linear.h"
#include "kernels/base/memory.h"
#include "tests/support/graph_runner.h"
#include "tests/support/llama_graph.h"
#include "tests/support/reference_graph.h"
#include "tests/support/shuffled_for.h"

namespace runnel {
namespace {

ExecutorOptions xnnpack_options() {
  ExecutorOptions options;
  options.max_tokens = 16;
  options.max_outputs = 16;
  options.workers = 3;
  options.page_shift = 4;
  options.float_backend = FloatBackend::xnnpack;
  return options;
}

test::LlamaShape shape_of(DType type) {
  test::LlamaShape shape;
  shape.model = 90;
  shape.ffn = 172;
  shape.head_dim = 20;
  shape.vocab = 1101;  // several chunks, the last one short
  shape.attention_bias = true;
  shape.dtype = shape.down_dtype = type;
  return shape;
}

class FloatBackendTest : public testing::Test {
 protected:
  void SetUp() override {
    if (const Status status = float_linear_ready(); !status.ok()) {
      EXPECT_EQ(status.code(), Code::unsupported);
      const Graph graph = test::llama_graph(shape_of(DType::f32));
      EXPECT_EQ(plan_executor(graph, xnnpack_options()).status().code(), Code::unsupported);
      GTEST_SKIP() << status.message();
    }
  }
};

TEST_F(FloatBackendTest, AgreesWithDoublePrecision) {
  for (const DType type : {DType::f32, DType::f16, DType::bf16}) {
    const Graph graph = test::llama_graph(shape_of(type));
    const test::GraphWeights weights(graph, 3);
    const std::vector<int32_t> ids = {1, 2, 3, 50, 9, 95, 0, 33};
    const std::vector<double> expected = test::run_reference(graph, weights, ids, {0, 1, 2, 3, 4, 5, 6, 7});
    test::ShuffledFor workers(3, 4);
    const std::vector<float> actual = test::GraphRunner(graph, weights, xnnpack_options()).all(ids, workers);
    double largest = 0;
    for (double value : expected) largest = std::max(largest, std::abs(value));
    for (size_t i = 0; i < actual.size(); ++i) ASSERT_NEAR(actual[i], expected[i], 1e-4 * largest) << i;

    SerialFor serial;
    EXPECT_EQ(test::GraphRunner(graph, weights, xnnpack_options()).all(ids, serial), actual);
  }
}

TEST_F(FloatBackendTest, LeavesOtherTypesToOurKernels) {
  const Graph graph = test::llama_graph(shape_of(DType::q8g32));
  const Result<ExecutorPlan> plan = plan_executor(graph, xnnpack_options());
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(plan->packed_copy_bytes, 0u);
}

TEST_F(FloatBackendTest, ItsCopyIsWhatThePlanSays) {
  for (const uint32_t vocab : {96u, 1101u, 5000u}) {
    test::LlamaShape shape = shape_of(DType::f32);
    shape.vocab = vocab;
    const Graph graph = test::llama_graph(shape);
    const test::GraphWeights weights(graph, 4);
    const Result<ExecutorPlan> plan = plan_executor(graph, xnnpack_options());
    ASSERT_TRUE(plan.ok());
    uint64_t bytes = 0;
    set_allocation_gate(
        [](void* context, size_t count) noexcept {
          *static_cast<uint64_t*>(context) += count;
          return true;
        },
        &bytes);
    const Result<CpuExecutor> executor = CpuExecutor::create(graph, weights.view(), xnnpack_options());
    set_allocation_gate(nullptr, nullptr);
    ASSERT_TRUE(executor.ok()) << executor.status().message();
    EXPECT_EQ(bytes, plan->arena_bytes + plan->scratch_bytes + plan->table_bytes + plan->packed_copy_bytes);
    EXPECT_GT(plan->packed_copy_bytes, uint64_t{vocab} * 90 * 4);
  }
}

TEST_F(FloatBackendTest, EveryFailingAllocationIsAStatus) {
  const Graph graph = test::llama_graph(shape_of(DType::f16));
  const test::GraphWeights weights(graph, 5);
  for (int allowed = 0; allowed < 400; ++allowed) {
    int left = allowed;
    set_allocation_gate([](void* context, size_t) noexcept { return (*static_cast<int*>(context))-- > 0; }, &left);
    const Result<CpuExecutor> executor = CpuExecutor::create(graph, weights.view(), xnnpack_options());
    set_allocation_gate(nullptr, nullptr);
    if (executor.ok()) return;
    ASSERT_EQ(executor.status().code(), Code::out_of_memory) << executor.status().message();
  }
  FAIL() << "never succeeded";
}

}  // namespace
}  // namespace runnel
