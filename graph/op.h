// What an op is: its name, what it takes and gives, its shape rule, and how the CPU runs it. One op is one file in
// graph/ops/ and one row in ops.inc; nothing else names an op but the builder's methods.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "graph/graph.h"

namespace runnel {

// The set of ops and of their meanings. A model file names the smallest set it can be run with.
inline constexpr uint32_t kOpSetVersion = 1;

// The attribute `kind` of gated and activation, as files hold it.
enum class GateKind : uint32_t {
  silu = 0,       // x / (1 + e^-x)
  gelu = 1,       // by the error function
  gelu_tanh = 2,  // its tanh form
  relu = 3,
};

struct AttrDef {
  enum class Kind : uint8_t { integer, real };
  const char* name;
  Kind kind;
  double min, max;  // inclusive
  double fallback;  // for a file that does not hold the attribute
};

// An input as the shape rule sees it.
struct InferInput {
  Shape shape;
  bool is_weight;
  DType dtype;  // of weights
};

struct InferArgs {
  const OpDef* op;
  std::span<const InferInput> in;    // as many as OpDef allows
  std::span<const double> attrs;     // one an AttrDef, inside its range
  std::span<const StateSlot> slots;  // of the graph
  std::span<Shape> out;              // written
};

struct CpuOp;

struct OpDef {
  const char* name;  // in files and messages
  uint32_t since;    // the op set version that brought it
  uint32_t min_inputs, max_inputs;
  uint32_t min_outputs, max_outputs;
  std::span<const AttrDef> attrs;  // at most kMaxAttrs
  Status (*infer)(const InferArgs& args) noexcept;
  // Bit i: output 0 may take the place of input i, of equal shape, in memory. (An op that reads a row only before it
  // writes it, or element by element.)
  uint32_t in_place = 0;
  // Outputs are column ranges of input 0, one after the other; nothing runs and nothing is copied.
  bool is_view = false;
  // The attribute that is an index into Graph::slots which the node alone writes, or -1.
  int32_t slot_attr = -1;
  const CpuOp* cpu = nullptr;  // graph/cpu/cpu_op.h; null for views
};

// Every op, in the order of ops.inc.
std::span<const OpDef* const> ops() noexcept;
// Null when unknown.
const OpDef* find_op(std::string_view name) noexcept;

#define OP(name) extern const OpDef op_##name;
#include "graph/ops.inc"
#undef OP

// Shape rules' common checks; each message names the op, the input and both shapes.
Status require_activation(const InferArgs& args, uint32_t input, const char* what) noexcept;
// A (1, cols) f32 weight.
Status require_vector(const InferArgs& args, uint32_t input, const char* what, uint32_t cols) noexcept;
// A weight matrix of any storage type and any shape.
Status require_matrix(const InferArgs& args, uint32_t input, const char* what) noexcept;
Status require_same_shape(const InferArgs& args, uint32_t a, uint32_t b) noexcept;

}  // namespace runnel
