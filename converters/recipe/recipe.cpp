#include "converters/recipe/recipe.h"

#include <set>

#include "converters/text.h"

namespace runnel {
namespace {

std::string with_layer(const char* name, uint32_t layer) {
  std::string out = name;
  const size_t at = out.find("{}");
  if (at != std::string::npos) out.replace(at, 2, std::to_string(layer));
  return out;
}

bool is_float(DType type) { return type == DType::f32 || type == DType::f16 || type == DType::bf16; }

// How a matrix is read.
enum class Use : uint8_t {
  product,  // all of it, in every step
  lookup,   // one row a token
  logits,   // all of it, once for each row of logits; it may be looked up too
};

Use use_of(const TensorRule& rule, bool tied) {
  if (rule.rows != Dim::vocab) return Use::product;
  return std::string_view(rule.name) == "embed" && !tied ? Use::lookup : Use::logits;
}

// What a matrix becomes. Tables that are looked up or that make the logits get the next finer type: they are where
// coarse rounding shows most. (One exception: 8 bits serve for logits, where 16 would double what a step reads.)
DType choose_dtype(DType from, Use use, WeightsOut out) {
  switch (out) {
    case WeightsOut::f32: return DType::f32;
    case WeightsOut::f16: return DType::f16;
    case WeightsOut::q8: return use == Use::lookup ? DType::f16 : DType::q8g32;
    case WeightsOut::keep: return from;
    case WeightsOut::automatic:
      if (!is_float(from)) return from;
      break;
    case WeightsOut::q4: break;
  }
  return use == Use::product ? DType::q4g32 : DType::q8g32;
}

// Tensors of published files that hold nothing the graph needs.
bool is_known_extra(std::string_view name) {
  constexpr std::string_view kEnds[] = {".rotary_emb.inv_freq", ".attn_rot_embd.weight", ".attention.masked_bias"};
  for (std::string_view end : kEnds)
    if (name.size() >= end.size() && name.substr(name.size() - end.size()) == end) return true;
  return name == "rope_freqs.weight";  // read with the hyperparameters
}

}  // namespace

void Recipe::fail(Status status) {
  if (status_.ok()) status_ = std::move(status);
}

void Recipe::begin_layer(uint32_t layer) {
  layer_ = layer;
  graph.begin_layer(layer);
}

uint32_t Recipe::size_of(Dim dim) const {
  switch (dim) {
    case Dim::one: return 1;
    case Dim::vocab: return h.vocab;
    case Dim::model: return h.model;
    case Dim::ffn: return h.ffn;
    case Dim::head: return h.head_dim;
    case Dim::q: return h.heads * h.head_dim;
    case Dim::kv: return h.kv_heads * h.head_dim;
  }
  return 0;
}

const TensorRule* Recipe::find_rule(const std::string& name) const {
  for (const TensorRule& rule : arch_.tensors)
    if (name == rule.name) return &rule;
  return nullptr;
}

Result<const SourceTensor*> Recipe::find_tensor(const TensorRule& rule) const {
  return source_.find(with_layer(source_.name_of(rule), layer_));
}

BuildValue Recipe::declare(const TensorRule& rule) {
  const std::string name = with_layer(rule.name, layer_);
  if (const auto known = declared_.find(name); known != declared_.end()) return known->second;
  const std::string source_name = with_layer(source_.name_of(rule), layer_);
  Result<const SourceTensor*> found = source_.find(source_name);
  if (!found.ok()) {
    fail(std::move(found).status());
    return {};
  }
  if (*found == nullptr) {
    fail(Status::error(Code::corrupt_file, "convert: the source has no tensor %s, which %s needs (%s)",
                       source_name.c_str(), arch_.name, name.c_str()));
    return {};
  }
  const SourceTensor& tensor = **found;
  const uint32_t rows = size_of(rule.rows), cols = size_of(rule.cols);
  if (tensor.rows != rows || tensor.cols != cols) {
    fail(Status::error(Code::corrupt_file, "convert: tensor %s is (%u, %u), %s expects (%u, %u)", source_name.c_str(),
                       tensor.rows, tensor.cols, arch_.name, rows, cols));
    return {};
  }
  if (tensor.type == nullptr) {
    fail(Status::error(Code::unsupported, "convert: tensor %s has type %s, which is not supported", source_name.c_str(),
                       tensor.type_name.c_str()));
    return {};
  }
  PlannedWeight planned;
  planned.name = name;
  planned.tensor = &tensor;
  planned.to = rule.rows == Dim::one ? DType::f32 : choose_dtype(tensor.type->dtype, use_of(rule, h.tied), out_);
  if (source_.has_gguf_rows() && rule.gguf_rows != GgufRows::plain)
    planned.interleaved_heads = rule.gguf_rows == GgufRows::rope_q ? h.heads : h.kv_heads;
  const BuildValue value = graph.weight(name.c_str(), planned.to, rows, cols);
  weights_.push_back(std::move(planned));
  declared_[name] = value;
  return value;
}

BuildValue Recipe::weight(const char* name) {
  if (!status_.ok()) return {};
  const TensorRule* rule = find_rule(name);
  if (rule == nullptr) {
    fail(Status::error(Code::internal, "convert: %s has no rule for %s", arch_.name, name));
    return {};
  }
  return declare(*rule);
}

BuildValue Recipe::bias(const char* name) {
  if (!status_.ok()) return {};
  const TensorRule* rule = find_rule(std::string(name) + ".bias");
  if (rule == nullptr) return {};
  const bool must = rule->need == Need::always || (rule->need == Need::attention_bias && h.attention_bias) ||
                    (rule->need == Need::mlp_bias && h.mlp_bias);
  if (!must) {
    Result<const SourceTensor*> found = find_tensor(*rule);
    if (!found.ok()) {
      fail(found.status());
      return {};
    }
    if (*found == nullptr) return {};
  }
  return declare(*rule);
}

// 8-bit weights are asked for where quality counts: rounding activations to 8 bits too would double their error.
LinearOptions Recipe::linear_options() const { return {.activation_bits = out_ == WeightsOut::q8 ? 16u : 8u}; }

BuildValue Recipe::linear(BuildValue x, const char* rule) {
  const BuildValue w = weight(rule), b = bias(rule);
  return graph.linear(x, w, b, linear_options());
}

void Recipe::linears(BuildValue x, const char* fused, std::span<const char* const> rules, BuildValue* out) {
  std::vector<BuildValue> weights, biases;
  for (const char* rule : rules) {
    weights.push_back(weight(rule));
    biases.push_back(bias(rule));
  }
  if (!status_.ok()) return;
  graph.linear_siblings(x, with_layer(fused, layer_).c_str(), weights, biases, out, linear_options());
}

BuildValue Recipe::rope_table() {
  PlannedWeight planned;
  planned.name = "rope.inv_freq";
  planned.constant = h.rope.inv_freq;
  const auto cols = static_cast<uint32_t>(planned.constant.size());
  const BuildValue inv_freq = graph.weight(planned.name.c_str(), DType::f32, 1, cols);
  weights_.push_back(std::move(planned));
  return graph.rope_table(inv_freq, h.rope.amplitude);
}

BuildValue Recipe::rope(BuildValue x, BuildValue table, uint32_t heads) {
  return graph.rope(x, table, {.heads = heads, .head_dim = h.head_dim, .rotary_dim = h.rope.dim});
}

BuildValue Recipe::attention(BuildValue q, BuildValue k, BuildValue v) {
  return graph.attention(
      q, k, v, {.heads = h.heads, .kv_heads = h.kv_heads, .head_dim = h.head_dim, .window = h.window(layer_)});
}

Result<ModelPlan> plan_model(const ModelArch& arch, const HParams& hparams, const WeightSource& source,
                             WeightsOut out) {
  Recipe recipe(arch, hparams, source, out);
  const BuildValue logits = arch.build(recipe);
  RUNNEL_TRY(recipe.status());
  ModelPlan plan;
  RUNNEL_TRY(recipe.graph.finish(logits, &plan.graph, &plan.sources));
  plan.weights = recipe.take_weights();

  std::set<std::string_view> used;
  for (const PlannedWeight& weight : plan.weights)
    if (weight.tensor != nullptr) used.insert(weight.tensor->name);
  for (const TensorRule& rule : arch.tensors)  // a tied model's second copy of the table
    if (hparams.tied && std::string_view(rule.name) == "lm_head") used.insert(source.name_of(rule));
  for (const std::string& name : source.tensor_names())
    if (used.count(name) == 0 && !is_known_extra(name))
      return Status::error(Code::unsupported,
                           "convert: the source has a tensor %s that %s does not know; leaving it out would make a "
                           "different model",
                           in_quotes(name).c_str(), arch.name);
  return plan;
}

}  // namespace runnel
