// verify_graph: what a hostile or damaged file may put into a graph.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <string>

#include "graph/graph.h"
#include "graph/op.h"
#include "tests/support/llama_graph.h"

namespace runnel {
namespace {

size_t node_of(const Graph& graph, const OpDef& op) {
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    if (graph.nodes[i].op == &op) return i;
  }
  ADD_FAILURE() << "no " << op.name;
  return 0;
}

void expect_refused(const char* what, Code code, const char* part, const std::function<void(Graph&)>& damage) {
  Graph graph = test::llama_graph({});
  ASSERT_TRUE(verify_graph(graph).ok());
  damage(graph);
  const Status status = verify_graph(graph);
  EXPECT_EQ(status.code(), code) << what << ": " << status.message();
  EXPECT_NE(std::strstr(status.message(), part), nullptr) << what << ": " << status.message();
}

constexpr Code kInvalid = Code::invalid_argument;

TEST(VerifyGraph, Ids) {
  expect_refused("input id", kInvalid, "input 0 is value 4000000000",
                 [](Graph& g) { g.nodes[3].inputs[0] = 4000000000u; });
  expect_refused("output id", kInvalid, "output 0 is value",
                 [](Graph& g) { g.nodes[3].outputs[0] = static_cast<ValueId>(g.values.size()); });
  expect_refused("tensor id", kInvalid, "is tensor 1000 of", [](Graph& g) { g.values[0].tensor = 1000; });
  expect_refused("logits id", kInvalid, "logits", [](Graph& g) { g.logits = kNoValue; });
  expect_refused("logits that are a weight", kInvalid, "logits", [](Graph& g) { g.logits = g.nodes[0].inputs[0]; });
  expect_refused("logits of all tokens", kInvalid, "logits", [](Graph& g) { g.logits = g.nodes[0].outputs[0]; });
  expect_refused("slot", kInvalid, "slot 99 of 2", [](Graph& g) { g.nodes[node_of(g, op_attention)].attrs[0] = 99; });
  expect_refused("slot used twice", kInvalid, "slot 1 is written by two nodes",
                 [](Graph& g) { g.nodes[node_of(g, op_attention)].attrs[0] = 1; });
}

TEST(VerifyGraph, Order) {
  expect_refused("a cycle", kInvalid, "used before it is made", [](Graph& g) {
    Node& add = g.nodes[node_of(g, op_add)];
    add.inputs[1] = add.outputs[0];
  });
  expect_refused("a later value", kInvalid, "used before it is made",
                 [](Graph& g) { g.nodes[node_of(g, op_rms_norm)].inputs[0] = g.logits; });
  expect_refused("a value made twice", kInvalid, "made twice",
                 [](Graph& g) { g.nodes[node_of(g, op_add)].outputs[0] = g.nodes[0].outputs[0]; });
  expect_refused("a weight as output", kInvalid, "is a weight", [](Graph& g) { g.nodes[3].outputs[0] = 0; });
  expect_refused("a value nobody makes", kInvalid, "made by no node", [](Graph& g) {
    ASSERT_TRUE(g.values.push({{Rows::tokens, 0, 8}, UINT32_MAX}));
  });
  expect_refused("layers out of order", kInvalid, "comes after layer", [](Graph& g) { g.nodes.back().layer = 0; });
}

TEST(VerifyGraph, Counts) {
  expect_refused("no op", kInvalid, "without an op", [](Graph& g) { g.nodes[1].op = nullptr; });
  expect_refused("too many inputs", kInvalid, "inputs, expected",
                 [](Graph& g) { g.nodes[0].input_count = 4000000000u; });
  expect_refused("too few inputs", kInvalid, "inputs, expected", [](Graph& g) { g.nodes[0].input_count = 0; });
  expect_refused("too many outputs", kInvalid, "outputs, expected", [](Graph& g) { g.nodes[0].output_count = 5; });
  expect_refused("nodes without end", kInvalid, "nodes, at most",
                 [](Graph& g) { ASSERT_TRUE(g.nodes.resize(kMaxNodes + 1)); });
  expect_refused("values without end", kInvalid, "values, at most",
                 [](Graph& g) { ASSERT_TRUE(g.values.resize(kMaxValues + 1)); });
  expect_refused("slots without end", kInvalid, "state slots, at most",
                 [](Graph& g) { ASSERT_TRUE(g.slots.resize(kMaxSlots + 1)); });
}

TEST(VerifyGraph, Attributes) {
  const auto attr = [](const OpDef& op, uint32_t index, double value) {
    return [&op, index, value](Graph& g) { g.nodes[node_of(g, op)].attrs[index] = value; };
  };
  expect_refused("eps below 0", kInvalid, "rms_norm: eps is -1", attr(op_rms_norm, 0, -1));
  expect_refused("eps that is no number", kInvalid, "rms_norm: eps is", attr(op_rms_norm, 0, std::nan("")));
  expect_refused("no heads", kInvalid, "rms_norm: heads is 0", attr(op_rms_norm, 1, 0));
  expect_refused("half a head", kInvalid, "whole number", attr(op_rms_norm, 1, 1.5));
  expect_refused("endless heads", kInvalid, "rope: heads is", attr(op_rope, 0, 1e300));
  expect_refused("odd rotary_dim", kInvalid, "rotary_dim is 7", attr(op_rope, 2, 7));
  expect_refused("rotary_dim beyond the head", kInvalid, "rotary_dim is 32", attr(op_rope, 2, 32));
  expect_refused("infinite scale", kInvalid, "attention: scale", attr(op_attention, 2, INFINITY));
  expect_refused("an unknown activation", kInvalid, "gated: kind is 4", attr(op_gated, 0, 4));
  expect_refused("an attribute too many", kInvalid, "add: attribute 0 of 0 is set", attr(op_add, 0, 1));
  expect_refused("split parts", kInvalid, "split: the parts have 129 columns", attr(op_split, 0, 65));
  expect_refused("split with a part of nothing", kInvalid, "split: cols0 is 0", attr(op_split, 0, 0));
}

TEST(VerifyGraph, Shapes) {
  expect_refused("declared columns", kInvalid, "is declared",
                 [](Graph& g) { ++g.values[g.nodes[node_of(g, op_linear)].outputs[0]].shape.cols; });
  expect_refused("declared rows", kInvalid, "is declared",
                 [](Graph& g) { g.values[g.nodes[0].outputs[0]].shape.kind = Rows::outputs; });
  expect_refused("a weight's shape", kInvalid, "its tensor", [](Graph& g) { g.values[0].shape.cols = 1; });
  expect_refused("slot without heads", kInvalid, "slot 0 has 0 kv heads", [](Graph& g) { g.slots[0].kv_heads = 0; });
  expect_refused("slot of giant heads", kInvalid, "slot 1 has", [](Graph& g) { g.slots[1].head_dim = 1u << 31; });
  expect_refused("k of another width", kInvalid, "attention: k has 32 columns, expected 16",
                 [](Graph& g) { g.slots[0].kv_heads = 1; });
}

TEST(VerifyGraph, Tensors) {
  expect_refused("no name", kInvalid, "no proper name", [](Graph& g) { g.tensors[0].name[0] = 0; });
  expect_refused("an endless name", kInvalid, "no proper name",
                 [](Graph& g) { std::memset(g.tensors[0].name, 'x', 64); });
  expect_refused("type", Code::unsupported, "unknown storage type 200",
                 [](Graph& g) { g.tensors[0].dtype = DType{200}; });
  expect_refused("no rows", kInvalid, "empty or too large", [](Graph& g) { g.tensors[0].rows = 0; });
  expect_refused("layout", Code::unsupported, "is packed", [](Graph& g) { g.tensors[0].nr = 3; });
  expect_refused("bytes", kInvalid, "bytes at offset", [](Graph& g) { --g.tensors[0].bytes; });
  expect_refused("offset", kInvalid, "bytes at offset", [](Graph& g) { g.tensors[0].offset = 4; });
  expect_refused("a vector of another type", kInvalid, "is a vector of f16", [](Graph& g) {
    TensorDesc& norm = g.tensors[g.values[g.nodes[node_of(g, op_rms_norm)].inputs[1]].tensor];
    norm.dtype = DType::f16;
    norm.bytes = norm.cols * 2;
  });
}

// Columns that wrap 32 bits once they are multiplied: refused by the limit on columns, not by luck.
TEST(VerifyGraph, GiantColumns) {
  expect_refused("a giant table", kInvalid, "columns, expected 1 to", [](Graph& g) {
    TensorDesc& table = g.tensors[0];
    table.cols = 0xfffffff0u;
    ASSERT_TRUE(tensor_layout(&table));
    g.values[g.nodes[0].inputs[0]].shape.cols = table.cols;
    g.values[g.nodes[0].outputs[0]].shape.cols = table.cols;
  });
}

}  // namespace
}  // namespace runnel
