// GraphBuilder: fusing, order of tensors, sticky errors.
#include "graph/builder.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "graph/op.h"
#include "tests/support/llama_graph.h"

namespace runnel {
namespace {

std::vector<std::string> tensor_names(const Graph& graph) {
  std::vector<std::string> names;
  for (const TensorDesc& desc : graph.tensors) names.push_back(desc.name);
  return names;
}

std::vector<std::string> op_names(const Graph& graph) {
  std::vector<std::string> names;
  for (const Node& node : graph.nodes) names.push_back(node.op->name);
  return names;
}

TEST(Builder, TensorsComeInOrderOfFirstUse) {
  test::LlamaShape shape;
  shape.layers = 1;
  shape.attention_bias = true;
  Array<GraphBuilder::WeightSource> sources;
  const Graph graph = test::llama_graph(shape, &sources);
  const std::vector<std::string> expected = {"embed",           "rope",     "0.attn.norm", "0.attn.qkv",
                                             "0.attn.qkv.bias", "0.attn.o", "0.ffn.norm",  "0.ffn.gate_up",
                                             "0.ffn.down",      "out_norm", "lm_head"};
  EXPECT_EQ(tensor_names(graph), expected);
  ASSERT_EQ(sources.size(), graph.tensors.size());
  // Declared: embed 0, rope 1, norm 2, q k v 3 4 5, biases 6 7 8, ...
  const auto parts = [&](size_t i) { return std::vector<uint32_t>(sources[i].parts.begin(), sources[i].parts.end()); };
  EXPECT_EQ(parts(0), std::vector<uint32_t>({0}));
  EXPECT_EQ(parts(3), std::vector<uint32_t>({3, 4, 5}));
  EXPECT_EQ(parts(4), std::vector<uint32_t>({6, 7, 8}));
  EXPECT_EQ(parts(5), std::vector<uint32_t>({9}));
  EXPECT_EQ(graph.tensors[3].rows, 64u + 32 + 32);
  EXPECT_EQ(graph.tensors[3].nr, dtype_info(DType::q8g32).nr);
  EXPECT_EQ(graph.tensors[4].rows, 1u);
  EXPECT_EQ(graph.tensors[4].cols, 128u);
  EXPECT_EQ(graph.tensors[4].nr, 1u);
  EXPECT_EQ(graph.tensors[4].bytes, 128 * sizeof(float));
}

TEST(Builder, FusesSiblingsOfOneType) {
  GraphBuilder b;
  const BuildValue x = b.embed(b.weight("embed", DType::f32, 8, 32));
  const BuildValue weights[] = {b.weight("a", DType::q8g32, 5, 32), b.weight("b", DType::q8g32, 7, 32)};
  BuildValue out[2];
  b.linear_siblings(x, "ab", weights, {}, out);
  Graph graph;
  Array<GraphBuilder::WeightSource> sources;
  ASSERT_TRUE(b.finish(b.select_rows(out[1]), &graph, &sources).ok());
  EXPECT_EQ(op_names(graph), std::vector<std::string>({"embed", "linear", "split", "select_rows"}));
  EXPECT_EQ(tensor_names(graph), std::vector<std::string>({"embed", "ab"}));
  EXPECT_EQ(graph.tensors[1].rows, 12u);
  EXPECT_EQ(graph.values[graph.logits].shape, (Shape{Rows::outputs, 0, 7}));
}

TEST(Builder, KeepsSiblingsOfSeveralTypesApart) {
  GraphBuilder b;
  const BuildValue x = b.embed(b.weight("embed", DType::f32, 8, 32));
  const BuildValue weights[] = {b.weight("a", DType::q8g32, 5, 32), b.weight("b", DType::f16, 5, 32)};
  const BuildValue biases[] = {b.weight("a.bias", DType::f32, 1, 5), BuildValue{}};
  BuildValue out[2];
  b.linear_siblings(x, "ab", weights, biases, out);
  Graph graph;
  Array<GraphBuilder::WeightSource> sources;
  ASSERT_TRUE(b.finish(b.select_rows(b.add(out[0], out[1])), &graph, &sources).ok());
  EXPECT_EQ(op_names(graph), std::vector<std::string>({"embed", "linear", "linear", "add", "select_rows"}));
  EXPECT_EQ(tensor_names(graph), std::vector<std::string>({"embed", "a", "a.bias", "b"}));
}

TEST(Builder, ASharedTableIsOneTensor) {
  GraphBuilder b;
  const BuildValue table = b.weight("embed", DType::q8g32, 40, 32);
  Graph graph;
  Array<GraphBuilder::WeightSource> sources;
  ASSERT_TRUE(b.finish(b.linear(b.select_rows(b.embed(table)), table), &graph, &sources).ok());
  EXPECT_EQ(graph.tensors.size(), 1u);
}

TEST(Builder, TheFirstMistakeStays) {
  GraphBuilder b;
  const BuildValue x = b.embed(b.weight("embed", DType::f32, 8, 32));
  const BuildValue wrong = b.linear(x, b.weight("narrow", DType::f32, 8, 16));
  EXPECT_EQ(wrong.id, kNoValue);
  b.add(wrong, x);
  Graph graph;
  Array<GraphBuilder::WeightSource> sources;
  const Status status = b.finish(b.select_rows(x), &graph, &sources);
  EXPECT_EQ(status.code(), Code::invalid_argument);
  EXPECT_STREQ(status.message(), "builder: node 1 of layer 0: linear: weight is (8, 16), x has 32 columns");
}

TEST(Builder, RefusesWhatARecipeMayGetWrong) {
  const auto message_of = [](auto build) {
    GraphBuilder b;
    const BuildValue x = b.embed(b.weight("embed", DType::f32, 8, 32));
    build(b, x);
    Graph graph;
    Array<GraphBuilder::WeightSource> sources;
    return std::string(b.finish(b.select_rows(x), &graph, &sources).message());
  };
  EXPECT_EQ(message_of([](GraphBuilder& b, BuildValue) { b.weight("spare", DType::f32, 2, 2); }),
            "builder: weight spare is used by no node");
  EXPECT_EQ(message_of([](GraphBuilder& b, BuildValue) { b.weight("none", DType::f32, 0, 2); }),
            "builder: weight none is (0, 2): empty or too large");
  EXPECT_EQ(message_of([](GraphBuilder& b, BuildValue) { b.weight(std::string(64, 'n').c_str(), DType::f32, 2, 2); }),
            "builder: the weight name " + std::string(64, 'n') + " is longer than 63 bytes");
  EXPECT_EQ(message_of([](GraphBuilder& b, BuildValue) {
              b.begin_layer(2);
              b.begin_layer(1);
            }),
            "builder: layer 1 begins after layer 2");
  EXPECT_EQ(message_of([](GraphBuilder& b, BuildValue x) { b.add(x, BuildValue{}); }),
            "builder: add: input 1 is no value");
  EXPECT_EQ(message_of([](GraphBuilder& b, BuildValue x) { b.rms_norm(x, b.weight("w", DType::f16, 1, 32), 1e-5f); }),
            "builder: node 1 of layer 0: rms_norm: weight is stored as f16, expected f32");
  EXPECT_EQ(message_of([](GraphBuilder& b, BuildValue x) {
              b.attention(x, x, x, {3, 2, 8});
            }),
            "builder: node 1 of layer 0: attention: 3 heads over 2 kv heads");
}

}  // namespace
}  // namespace runnel
