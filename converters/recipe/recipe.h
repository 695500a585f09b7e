// What a model file writes its graph with: the graph builder, the hyperparameters, and the architecture's tensors by
// our names, found in the source, checked for shape, and noted for the pass that streams them.
//
// Errors are sticky like the builder's. Thread rule: one thread at a time.
#pragma once

#include <array>
#include <map>
#include <string>
#include <vector>

#include "converters/convert.h"
#include "converters/models/arch.h"
#include "converters/source/weight_source.h"

namespace runnel {

// A declared weight: where its values come from and what they become.
struct PlannedWeight {
  std::string name;                      // ours
  const SourceTensor* tensor = nullptr;  // null for a constant
  std::vector<float> constant;           // (1, n)
  uint32_t interleaved_heads = 0;        // > 0: rows lie in the interleaved order, this many heads
  DType to = DType::f32;
};

class Recipe {
 public:
  Recipe(const ModelArch& arch, const HParams& hparams, const WeightSource& source, WeightsOut out)
      : h(hparams), arch_(arch), source_(source), out_(out) {}

  void begin_layer(uint32_t layer);
  // A tensor of the table, of the current layer where its name has one.
  BuildValue weight(const char* rule);
  // x W^T, plus the bias `<rule>.bias` where the table knows one and the source has it.
  BuildValue linear(BuildValue x, const char* rule);
  // Projections of the same x, fused where their types allow it; biases as in linear().
  template <size_t N>
  std::array<BuildValue, N> linears(BuildValue x, const char* fused, const std::array<const char*, N>& rules) {
    std::array<BuildValue, N> out;
    linears(x, fused, std::span<const char* const>(rules), out.data());
    return out;
  }
  BuildValue rope_table();
  BuildValue rope(BuildValue x, BuildValue table, uint32_t heads);
  // Over all earlier tokens, or the layer's window.
  BuildValue attention(BuildValue q, BuildValue k, BuildValue v);

  const Status& status() const { return status_; }
  // In the order of declaration, which is how GraphBuilder::WeightSource counts them.
  std::vector<PlannedWeight> take_weights() { return std::move(weights_); }

  GraphBuilder graph;
  const HParams& h;

 private:
  void linears(BuildValue x, const char* fused, std::span<const char* const> rules, BuildValue* out);
  BuildValue bias(const char* rule);
  LinearOptions linear_options() const;
  BuildValue declare(const TensorRule& rule);
  const TensorRule* find_rule(const std::string& name) const;
  Result<const SourceTensor*> find_tensor(const TensorRule& rule) const;
  uint32_t size_of(Dim dim) const;
  void fail(Status status);

  const ModelArch& arch_;
  const WeightSource& source_;
  WeightsOut out_;
  uint32_t layer_ = 0;
  std::map<std::string, BuildValue> declared_;  // by our full name: a tied table is one tensor
  std::vector<PlannedWeight> weights_;
  Status status_;
};

// The whole plan of a conversion: the verified graph and, for each of its tensors, the declared weights it is made of.
struct ModelPlan {
  Graph graph;
  Array<GraphBuilder::WeightSource> sources;
  std::vector<PlannedWeight> weights;
};
// A source tensor that the recipe has no use for is an error: leaving one out silently gives a wrong model.
Result<ModelPlan> plan_model(const ModelArch& arch, const HParams& hparams, const WeightSource& source, WeightsOut out);

}  // namespace runnel
