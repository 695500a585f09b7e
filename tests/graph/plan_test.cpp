// ArenaPlan: no two values that are alive together share a byte, views and overwriting apart.
#include "graph/plan.h"

#include <gtest/gtest.h>

#include <memory>

#include "graph/op.h"
#include "tests/support/llama_graph.h"

namespace runnel {
namespace {

struct Planned {
  Block memory;
  ArenaPlan plan;
};

Planned plan_of(const Graph& graph, const ArenaLimits& limits) {
  Tables count;
  ArenaPlan counted(&count, graph);
  Planned planned;
  planned.memory = Block(count.bytes());
  Tables tables(planned.memory.data());
  planned.plan = ArenaPlan(&tables, graph);
  EXPECT_EQ(tables.bytes(), count.bytes());
  const Status status = planned.plan.make(graph, limits);
  EXPECT_TRUE(status.ok()) << status.message();
  return planned;
}

struct Range {
  uint64_t begin, end;
};

// By brute force over all pairs: bytes may be shared only column-disjointly or when the earlier value is never read
// after the later one is made.
void check_no_overlap(const Graph& graph, const ArenaLimits& limits) {
  const Planned planned = plan_of(graph, limits);
  const ArenaPlan& plan = planned.plan;
  std::vector<uint32_t> made(graph.values.size(), UINT32_MAX), read(graph.values.size(), 0);
  for (uint32_t n = 0; n < graph.nodes.size(); ++n) {
    const Node& node = graph.nodes[n];
    for (uint32_t i = 0; i < node.input_count; ++i) read[node.inputs[i]] = n;
    for (uint32_t i = 0; i < node.output_count; ++i) made[node.outputs[i]] = n;
    // A view keeps its source's bytes in use: its readers are the source's readers, by columns.
  }
  read[graph.logits] = UINT32_MAX;
  for (ValueId a = 0; a < graph.values.size(); ++a) {
    for (ValueId b = a + 1; b < graph.values.size(); ++b) {
      const Placement &pa = plan.placement(a), &pb = plan.placement(b);
      if (pa.home != Placement::Home::arena || pb.home != Placement::Home::arena) continue;
      const ValueId first = made[a] <= made[b] ? a : b, second = first == a ? b : a;
      if (made[a] == made[b] || read[first] <= made[second]) {
        // Outputs of one node are apart; inputs of the node that makes `second` may be overwritten where the op allows.
        if (made[a] != made[b] && read[first] < made[second]) continue;
        const Node& node = graph.nodes[made[second]];
        if (node.op->is_view) continue;
        if (made[a] != made[b] && read[first] == made[second]) {
          bool allowed = false, same_place = pa.offset == pb.offset && pa.stride == pb.stride;
          for (uint32_t i = 0; i < node.input_count; ++i)
            allowed |= node.inputs[i] == first && (node.op->in_place >> i & 1);
          if (allowed && same_place) continue;
        }
      }
      if (graph.nodes[made[second]].op->is_view) continue;
      const auto rows = [&](ValueId v) {
        return graph.values[v].shape.kind == Rows::tokens ? limits.max_tokens : limits.max_outputs;
      };
      const auto bytes = [&](ValueId v) { return uint64_t{graph.values[v].shape.cols} * 4; };
      for (uint64_t r = 0; r < rows(a); ++r) {
        for (uint64_t s = 0; s < rows(b); ++s) {
          const uint64_t ba = pa.offset + r * pa.stride * 4, bb = pb.offset + s * pb.stride * 4;
          ASSERT_TRUE(ba + bytes(a) <= bb || bb + bytes(b) <= ba)
              << "values " << a << " and " << b << " of nodes " << made[a] << " and " << made[b];
        }
      }
    }
  }
}

TEST(ArenaPlan, LivingValuesDoNotOverlap) {
  check_no_overlap(test::llama_graph({}), {3, 2});
  test::LlamaShape shape;
  shape.qk_norm = shape.attention_bias = true;
  shape.logits_cap = 10;
  shape.head_dim = 10;
  shape.model = 90;
  check_no_overlap(test::llama_graph(shape), {2, 2});
}

TEST(ArenaPlan, RowsAreAligned) {
  test::LlamaShape shape;
  shape.model = 90;
  const Graph graph = test::llama_graph(shape);
  const Planned planned = plan_of(graph, {5, 1});
  for (ValueId v = 0; v < graph.values.size(); ++v) {
    const Placement& place = planned.plan.placement(v);
    if (place.home != Placement::Home::arena) continue;
    EXPECT_EQ(place.stride % 16, 0u);
    EXPECT_LE(place.offset + (5 - 1) * place.stride * 4 + graph.values[v].shape.cols * 4,
              planned.plan.arena_bytes() + (graph.values[v].shape.kind == Rows::outputs ? 4 * place.stride * 4 : 0));
  }
}

TEST(ArenaPlan, DeepGraphsNeedNoMoreThanShallowOnes) {
  test::LlamaShape shape;
  const uint64_t two = plan_of(test::llama_graph(shape), {8, 1}).plan.arena_bytes();
  shape.layers = 30;
  EXPECT_EQ(plan_of(test::llama_graph(shape), {8, 1}).plan.arena_bytes(), two);
}

TEST(ArenaPlan, ViewsAndOverwritingShareBytes) {
  test::LlamaShape shape;
  shape.layers = 1;
  const Graph graph = test::llama_graph(shape);
  const Planned planned = plan_of(graph, {4, 1});
  bool saw_rope = false, saw_add = false, saw_split = false;
  for (const Node& node : graph.nodes) {
    const Placement& out = planned.plan.placement(node.outputs[0]);
    const Placement& in = planned.plan.placement(node.inputs[0]);
    if (node.op == &op_rope) {
      saw_rope = true;
      EXPECT_EQ(out.offset, in.offset);
      EXPECT_EQ(out.stride, in.stride);
    }
    if (node.op == &op_add) {
      saw_add = true;
      EXPECT_EQ(out.offset, in.offset);
    }
    if (node.op == &op_split) {
      saw_split = true;
      EXPECT_EQ(planned.plan.placement(node.outputs[1]).offset,
                in.offset + graph.values[node.outputs[0]].shape.cols * 4);
    }
    // The residual is read again by add: the norm may not overwrite it.
    if (node.op == &op_rms_norm && node.layer == 0) {
      EXPECT_NE(out.offset, in.offset);
    }
  }
  EXPECT_TRUE(saw_rope && saw_add && saw_split);
}

TEST(ArenaPlan, AViewOfSomethingStillReadIsKept) {
  GraphBuilder b;
  const BuildValue x = b.embed(b.weight("embed", DType::f32, 8, 32));
  const BuildValue weights[] = {b.weight("a", DType::f32, 16, 32), b.weight("b", DType::f32, 16, 32)};
  BuildValue parts[2];
  b.linear_siblings(x, "ab", weights, {}, parts);
  const BuildValue scaled = b.scale(parts[0], 2);  // parts[0] is read again below
  const BuildValue other = b.scale(parts[1], 3);   // the last reader of parts[1]: overwrites
  const BuildValue sum = b.add(b.add(scaled, other), parts[0]);
  Graph graph;
  Array<GraphBuilder::WeightSource> sources;
  ASSERT_TRUE(b.finish(b.select_rows(sum), &graph, &sources).ok());
  const Planned planned = plan_of(graph, {4, 1});
  const Node& first = graph.nodes[3];
  const Node& second = graph.nodes[4];
  ASSERT_EQ(first.op, &op_scale);
  EXPECT_NE(planned.plan.placement(first.outputs[0]).offset, planned.plan.placement(first.inputs[0]).offset);
  EXPECT_EQ(planned.plan.placement(second.outputs[0]).offset, planned.plan.placement(second.inputs[0]).offset);
  check_no_overlap(graph, {3, 1});
}

TEST(ArenaPlan, APartIsKeptWhileTheWholeIsRead) {
  GraphBuilder b;
  const BuildValue x = b.embed(b.weight("embed", DType::f32, 8, 32));
  const BuildValue weights[] = {b.weight("a", DType::f32, 16, 32), b.weight("b", DType::f32, 16, 32)};
  BuildValue parts[2];
  b.linear_siblings(x, "ab", weights, {}, parts);
  const BuildValue whole = {parts[0].id - 1};
  const BuildValue scaled = b.scale(parts[0], 2);  // the last reader of this part, but not of its columns
  const BuildValue more[] = {b.weight("c", DType::f32, 16, 32), b.weight("d", DType::f32, 16, 32)};
  BuildValue others[2];
  b.linear_siblings(whole, "cd", more, {}, others);
  Graph graph;
  Array<GraphBuilder::WeightSource> sources;
  ASSERT_TRUE(b.finish(b.select_rows(b.add(b.add(scaled, others[0]), others[1])), &graph, &sources).ok());
  const Planned planned = plan_of(graph, {4, 1});
  const Node& scale = graph.nodes[3];
  ASSERT_EQ(scale.op, &op_scale);
  EXPECT_NE(planned.plan.placement(scale.outputs[0]).offset, planned.plan.placement(scale.inputs[0]).offset);
}

TEST(ArenaPlan, LogitsLieWhereTheCallerWantsThem) {
  test::LlamaShape shape;
  shape.logits_cap = 5;
  const Graph graph = test::llama_graph(shape);
  const Planned planned = plan_of(graph, {4, 4});
  EXPECT_EQ(planned.plan.placement(graph.logits).home, Placement::Home::logits);
  EXPECT_EQ(planned.plan.placement(graph.nodes.back().inputs[0]).home, Placement::Home::logits);
  EXPECT_EQ(planned.plan.placement(graph.logits).stride, shape.vocab);
}

TEST(ArenaPlan, TooLargeIsAStatus) {
  GraphBuilder b;
  BuildValue x = b.embed(b.weight("embed", DType::f32, 2, 1u << 24));
  for (int i = 0; i < 40; ++i) x = b.add(x, b.scale(x, 2));
  Graph graph;
  Array<GraphBuilder::WeightSource> sources;
  ASSERT_TRUE(b.finish(b.select_rows(x), &graph, &sources).ok());
  Tables count;
  ArenaPlan counted(&count, graph);
  Block memory(count.bytes());
  Tables tables(memory.data());
  ArenaPlan plan(&tables, graph);
  EXPECT_TRUE(plan.make(graph, {UINT32_MAX, 1}).ok());  // 2^58 a value, a few values: representable, though not real
  EXPECT_GT(plan.arena_bytes(), uint64_t{1} << 57);
}

}  // namespace
}  // namespace runnel
