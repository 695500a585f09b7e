// The graph of a model: values, nodes, state. Built by a recipe through graph/builder.h, stored in the model file,
// re-inferred at open, run by a back end.
//
// Values are (rows, cols) of float32, rows first; weights are (out, in) in any storage type. Two symbolic row counts:
// the tokens of a step, and the rows of a step that need logits.
#pragma once

#include <cstdint>

#include "kernels/dtype.h"
#include "runnel/array.h"
#include "runnel/status.h"

namespace runnel {

struct OpDef;

using ValueId = uint32_t;
inline constexpr ValueId kNoValue = UINT32_MAX;

enum class Rows : uint8_t {
  fixed = 0,    // a constant: Shape::rows says how many
  tokens = 1,   // one row a token of the step
  outputs = 2,  // one row a token whose logits are wanted
};

struct Shape {
  Rows kind = Rows::fixed;
  uint32_t rows = 0;  // only for Rows::fixed
  uint32_t cols = 0;
  bool operator==(const Shape&) const = default;
};

// A weight in the model file. Names are ours ("3.attn.qkv"); order is execution order.
//
// Layout: matrices are packed as their dtype says (nr, kr of dtype_info()). Vectors (rows = 1: norms, biases, frequency
// tables) are f32 in row form, nr = kr = 1: cols floats, used in place from the mapping.
struct TensorDesc {
  char name[64] = {};
  DType dtype = DType::f32;
  uint32_t rows = 0, cols = 0;  // true sizes; packing pads them
  uint32_t nr = 0, kr = 0;      // packed layout: 1, 1 for vectors, else as dtype_info() had it at conversion
  uint64_t offset = 0;          // bytes from the start of the weight data; a multiple of 64
  uint64_t bytes = 0;           // of the packed form, as tensor_layout() computes
};

// Fills nr, kr and bytes from dtype, rows and cols. False when a count is 0 or a size overflows.
[[nodiscard]] bool tensor_layout(TensorDesc* desc) noexcept;

struct Value {
  Shape shape;
  uint32_t tensor = UINT32_MAX;  // index of the weight this value is, or UINT32_MAX for an activation
};

// Attribute values in the order of the op's AttrDefs; integers are exact up to 2^53.
inline constexpr uint32_t kMaxAttrs = 12;
inline constexpr uint32_t kMaxInputs = 6;
inline constexpr uint32_t kMaxOutputs = 4;

// Limits that verify_graph() holds a graph to, so that no later size or loop can run away.
inline constexpr size_t kMaxNodes = 1u << 14;
inline constexpr size_t kMaxValues = 1u << 16;  // weights included
inline constexpr size_t kMaxSlots = 1u << 12;
inline constexpr uint32_t kMaxCols = 1u << 24;  // of an activation

struct Node {
  const OpDef* op = nullptr;
  uint32_t input_count = 0, output_count = 0;
  ValueId inputs[kMaxInputs] = {};
  ValueId outputs[kMaxOutputs] = {};
  double attrs[kMaxAttrs] = {};
  uint32_t layer = 0;  // for placement, streaming and messages; nodes come in ascending layer order
};

// What a session owns per layer: keys and values of all its tokens.
struct StateSlot {
  uint32_t kv_heads = 0;
  uint32_t head_dim = 0;
  uint32_t window = 0;  // 0: all tokens are kept
};

struct Graph {
  Array<Value> values;
  Array<Node> nodes;
  Array<StateSlot> slots;
  Array<TensorDesc> tensors;
  ValueId logits = kNoValue;  // (outputs, vocab)
};

// Checks every id, count, shape, layout and attribute, and infers every shape again; the first contradiction is the
// Status (invalid_argument; unsupported for a storage type that this build does not know). Tensor offsets are checked
// for alignment only: where a tensor may lie is the file reader's knowledge.
Status verify_graph(const Graph& graph) noexcept;

}  // namespace runnel
