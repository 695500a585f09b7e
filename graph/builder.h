// What recipes write graphs with: one typed method an op, so that a model reads as prose. Used at conversion only.
//
// Errors are sticky: the first mistake (a missing weight, a shape that does not fit) is kept, later calls do nothing,
// finish() returns it. Thread rule: one thread at a time.
#pragma once

#include <initializer_list>
#include <span>

#include "graph/op.h"

namespace runnel {

// A value in the making. Cheap to copy.
struct BuildValue {
  ValueId id = kNoValue;
};

struct RopeOptions {
  uint32_t heads = 0;  // heads in the value (cols = heads * head_dim)
  uint32_t head_dim = 0;
  uint32_t rotary_dim = 0;   // rotated dimensions of each head, the rest pass through; 0: all
  bool interleaved = false;  // pairs (2i, 2i+1); otherwise (i, i + rotary_dim / 2), the "neox" order
};

struct AttentionOptions {
  uint32_t heads = 0, kv_heads = 0, head_dim = 0;
  float scale = 0;      // 0: 1 / sqrt(head_dim)
  uint32_t window = 0;  // 0: none
};

struct LinearOptions {
  uint32_t activation_bits = 8;  // 8, 16 or 32: the coarsest activations that quantised weights are multiplied with
};

class GraphBuilder {
 public:
  // Declares a weight of the file. dtype decides which siblings can be fused. Call in any order; execution order is
  // taken from first use. A weight that nothing uses is an error of finish().
  BuildValue weight(const char* name, DType dtype, uint32_t rows, uint32_t cols) noexcept;
  // The layer that following nodes belong to, ascending. Nodes before the first call are of layer 0; what follows the
  // last layer (output norm, logits) is begun with begin_layer(number of layers).
  void begin_layer(uint32_t layer) noexcept;

  // (tokens, cols) rows of the table for the step's ids.
  BuildValue embed(BuildValue table) noexcept;
  // x (r, in), w (out, in), optional bias (1, out) -> (r, out)
  BuildValue linear(BuildValue x, BuildValue w, BuildValue bias = {}, const LinearOptions& options = {}) noexcept;
  // Several projections of the same x. Where the weights' dtypes are equal (and all or none have a bias) they become
  // one linear over a fused weight named `fused_name` and views of its result; otherwise separate nodes.
  // Writes one value for each weight to `out`.
  void linear_siblings(BuildValue x, const char* fused_name, std::span<const BuildValue> weights,
                       std::span<const BuildValue> biases, BuildValue* out, const LinearOptions& options = {}) noexcept;
  BuildValue rms_norm(BuildValue x, BuildValue weight, float eps) noexcept;
  // Each head of x by itself; weight (1, head_dim).
  BuildValue rms_norm_heads(BuildValue x, BuildValue weight, float eps, uint32_t heads) noexcept;
  // bias may be absent.
  BuildValue layer_norm(BuildValue x, BuildValue weight, BuildValue bias, float eps) noexcept;
  // cos/sin of every position of the step, computed once and shared by all layers: inv_freq (1, rotary_dim / 2) f32.
  // amplitude multiplies both (yarn, longrope).
  BuildValue rope_table(BuildValue inv_freq, float amplitude = 1.0f) noexcept;
  BuildValue rope(BuildValue x, BuildValue table, const RopeOptions& options) noexcept;
  // Stores k and v in a new state slot and attends over it. q (tokens, heads * head_dim) -> the same shape.
  BuildValue attention(BuildValue q, BuildValue k, BuildValue v, const AttentionOptions& options) noexcept;
  // act(gate) * up
  BuildValue gated(BuildValue gate, BuildValue up, GateKind kind) noexcept;
  BuildValue activation(BuildValue x, GateKind kind) noexcept;
  BuildValue add(BuildValue a, BuildValue b) noexcept;
  BuildValue mul(BuildValue a, BuildValue b) noexcept;
  BuildValue scale(BuildValue x, float factor) noexcept;
  // cap * tanh(x / cap)
  BuildValue soft_cap(BuildValue x, float cap) noexcept;
  // (tokens, c) -> (outputs, c): the rows whose logits are wanted.
  BuildValue select_rows(BuildValue x) noexcept;

  // How a fused weight comes about: the sources in row order, as declared with weight(). A weight that was not fused is
  // its own single source.
  struct WeightSource {
    Array<uint32_t> parts;  // indices into declared weights (the order of weight() calls)
  };

  // Verifies, assigns tensor order, and moves the graph out. `sources` has one entry for each of graph->tensors.
  Status finish(BuildValue logits, Graph* graph, Array<WeightSource>* sources) noexcept;

 private:
  // A weight that was declared, or that fusing made.
  struct Weight {
    TensorDesc desc;
    Array<uint32_t> parts;  // declared weights it consists of, in row order
    bool is_part = false;   // of a fused weight
  };

  bool failed() const noexcept { return !status_.ok(); }
  void fail(Status status) noexcept;
  BuildValue new_value(const Shape& shape, uint32_t weight) noexcept;
  BuildValue new_weight(const char* name, DType dtype, uint32_t rows, uint32_t cols, Array<uint32_t> parts) noexcept;
  // One weight that holds the rows of several. Null value on failure.
  BuildValue fuse(const char* name, std::span<const BuildValue> weights) noexcept;
  const Weight* find_weight(BuildValue value) const noexcept;
  // Infers the outputs' shapes and appends the node; writes the outputs' values to `out`.
  void add_node(const OpDef& op, std::span<const BuildValue> inputs, std::span<const double> attrs,
                std::span<BuildValue> out) noexcept;
  BuildValue add_node(const OpDef& op, std::initializer_list<BuildValue> inputs,
                      std::initializer_list<double> attrs) noexcept;
  Status order_tensors(Graph* graph, Array<WeightSource>* sources) noexcept;

  Array<Weight> weights_;
  uint32_t declared_count_ = 0;
  Graph graph_;  // values' tensors are indices into weights_ until finish()
  Status status_;
  uint32_t layer_ = 0;
};

}  // namespace runnel
