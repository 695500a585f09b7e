// GraphBuilder's ops: one typed method each, which appends a node and infers its shapes at once, so that a mistake is
// named where it is made.
#include "graph/builder.h"

#include <cmath>
#include <cstdio>

#include "graph/op.h"

namespace runnel {

void GraphBuilder::fail(Status status) noexcept {
  if (!failed()) status_ = std::move(status);
}

BuildValue GraphBuilder::new_value(const Shape& shape, uint32_t weight) noexcept {
  if (graph_.values.size() >= kMaxValues) {
    fail(Status::error(Code::invalid_argument, "builder: more than %zu values", kMaxValues));
    return {};
  }
  if (!graph_.values.push({shape, weight})) {
    fail(out_of_memory("builder", "a value"));
    return {};
  }
  return {static_cast<ValueId>(graph_.values.size() - 1)};
}

void GraphBuilder::add_node(const OpDef& op, std::span<const BuildValue> inputs, std::span<const double> attrs,
                            std::span<BuildValue> out) noexcept {
  for (BuildValue& value : out) value = {};
  if (failed()) return;
  Node node;
  node.op = &op;
  node.layer = layer_;
  node.input_count = static_cast<uint32_t>(inputs.size());
  node.output_count = static_cast<uint32_t>(out.size());
  InferInput in[kMaxInputs] = {};
  for (size_t i = 0; i < inputs.size(); ++i) {
    const ValueId id = inputs[i].id;
    if (id >= graph_.values.size()) {
      return fail(Status::error(Code::invalid_argument, "builder: %s: input %zu is no value", op.name, i));
    }
    const Value& value = graph_.values[id];
    in[i] = {value.shape, value.tensor != UINT32_MAX, DType::f32};
    if (in[i].is_weight) in[i].dtype = weights_[value.tensor].desc.dtype;
    node.inputs[i] = id;
  }
  for (size_t i = 0; i < attrs.size(); ++i) node.attrs[i] = attrs[i];
  Shape shapes[kMaxOutputs] = {};
  const InferArgs args = {&op, {in, inputs.size()}, {node.attrs, op.attrs.size()}, graph_.slots, {shapes, out.size()}};
  if (Status status = op.infer(args); !status.ok()) {
    return fail(std::move(status).with_context("builder: node %zu of layer %u", graph_.nodes.size(), layer_));
  }
  for (size_t i = 0; i < out.size(); ++i) {
    out[i] = new_value(shapes[i], UINT32_MAX);
    if (failed()) return;
    node.outputs[i] = out[i].id;
  }
  if (!graph_.nodes.push(node)) fail(out_of_memory("builder", "a node"));
}

BuildValue GraphBuilder::add_node(const OpDef& op, std::initializer_list<BuildValue> inputs,
                                  std::initializer_list<double> attrs) noexcept {
  BuildValue out;
  add_node(op, std::span(inputs.begin(), inputs.size()), std::span(attrs.begin(), attrs.size()), {&out, 1});
  return out;
}

void GraphBuilder::begin_layer(uint32_t layer) noexcept {
  if (layer < layer_) {
    return fail(Status::error(Code::invalid_argument, "builder: layer %u begins after layer %u", layer, layer_));
  }
  layer_ = layer;
}

BuildValue GraphBuilder::embed(BuildValue table) noexcept { return add_node(op_embed, {table}, {}); }

BuildValue GraphBuilder::linear(BuildValue x, BuildValue w, BuildValue bias, const LinearOptions& options) noexcept {
  const double bits = options.activation_bits;
  return bias.id == kNoValue ? add_node(op_linear, {x, w}, {bits}) : add_node(op_linear, {x, w, bias}, {bits});
}

void GraphBuilder::linear_siblings(BuildValue x, const char* fused_name, std::span<const BuildValue> weights,
                                   std::span<const BuildValue> biases, BuildValue* out,
                                   const LinearOptions& options) noexcept {
  for (size_t i = 0; i < weights.size(); ++i) out[i] = {};
  if (failed()) return;
  if (!biases.empty() && biases.size() != weights.size()) {
    return fail(Status::error(Code::invalid_argument, "builder: %s: %zu biases for %zu weights", fused_name,
                              biases.size(), weights.size()));
  }
  bool can_fuse = weights.size() >= 2 && weights.size() <= kMaxOutputs;
  size_t bias_count = 0;
  for (const BuildValue& bias : biases) bias_count += bias.id != kNoValue;
  can_fuse = can_fuse && (bias_count == 0 || bias_count == weights.size());
  const Weight* first = nullptr;
  for (const BuildValue& value : weights) {
    const Weight* weight = find_weight(value);
    if (weight == nullptr) {
      return fail(Status::error(Code::invalid_argument, "builder: %s: a sibling is no declared weight", fused_name));
    }
    if (first == nullptr) first = weight;
    can_fuse = can_fuse && weight->desc.dtype == first->desc.dtype && weight->desc.cols == first->desc.cols;
  }
  if (!can_fuse) {
    for (size_t i = 0; i < weights.size(); ++i) {
      out[i] = linear(x, weights[i], biases.empty() ? BuildValue{} : biases[i], options);
    }
    return;
  }

  double cols[kMaxOutputs] = {};
  for (size_t i = 0; i < weights.size(); ++i) cols[i] = find_weight(weights[i])->desc.rows;
  const BuildValue fused = fuse(fused_name, weights);
  BuildValue fused_bias;
  if (bias_count != 0 && !failed()) {
    char name[sizeof TensorDesc::name + 8];
    std::snprintf(name, sizeof name, "%s.bias", fused_name);
    fused_bias = fuse(name, biases);
  }
  const BuildValue all = linear(x, fused, fused_bias, options);
  add_node(op_split, std::span(&all, 1), std::span(cols, kMaxOutputs), {out, weights.size()});
}

BuildValue GraphBuilder::rms_norm(BuildValue x, BuildValue weight, float eps) noexcept {
  return rms_norm_heads(x, weight, eps, 1);
}

BuildValue GraphBuilder::rms_norm_heads(BuildValue x, BuildValue weight, float eps, uint32_t heads) noexcept {
  if (heads == 0) fail(Status::error(Code::invalid_argument, "builder: rms_norm: 0 heads"));
  return add_node(op_rms_norm, {x, weight}, {eps, static_cast<double>(heads)});
}

BuildValue GraphBuilder::layer_norm(BuildValue x, BuildValue weight, BuildValue bias, float eps) noexcept {
  return bias.id == kNoValue ? add_node(op_layer_norm, {x, weight}, {eps})
                             : add_node(op_layer_norm, {x, weight, bias}, {eps});
}

BuildValue GraphBuilder::rope_table(BuildValue inv_freq, float amplitude) noexcept {
  return add_node(op_rope_table, {inv_freq}, {amplitude});
}

BuildValue GraphBuilder::rope(BuildValue x, BuildValue table, const RopeOptions& options) noexcept {
  const uint32_t rotary_dim = options.rotary_dim == 0 ? options.head_dim : options.rotary_dim;
  return add_node(op_rope, {x, table},
                  {static_cast<double>(options.heads), static_cast<double>(options.head_dim),
                   static_cast<double>(rotary_dim), options.interleaved ? 1.0 : 0.0});
}

BuildValue GraphBuilder::attention(BuildValue q, BuildValue k, BuildValue v, const AttentionOptions& options) noexcept {
  if (failed()) return {};
  if (options.head_dim == 0 || options.kv_heads == 0) {
    fail(Status::error(Code::invalid_argument, "builder: attention: %u kv heads of %u", options.kv_heads,
                       options.head_dim));
    return {};
  }
  const size_t slot = graph_.slots.size();
  if (!graph_.slots.push({options.kv_heads, options.head_dim, options.window})) {
    fail(out_of_memory("builder", "a state slot"));
    return {};
  }
  const float scale = options.scale != 0 ? options.scale : 1.0f / std::sqrt(static_cast<float>(options.head_dim));
  return add_node(op_attention, {q, k, v}, {static_cast<double>(slot), static_cast<double>(options.heads), scale});
}

BuildValue GraphBuilder::gated(BuildValue gate, BuildValue up, GateKind kind) noexcept {
  return add_node(op_gated, {gate, up}, {static_cast<double>(kind)});
}

BuildValue GraphBuilder::activation(BuildValue x, GateKind kind) noexcept {
  return add_node(op_activation, {x}, {static_cast<double>(kind)});
}

BuildValue GraphBuilder::add(BuildValue a, BuildValue b) noexcept { return add_node(op_add, {a, b}, {}); }

BuildValue GraphBuilder::mul(BuildValue a, BuildValue b) noexcept { return add_node(op_mul, {a, b}, {}); }

BuildValue GraphBuilder::scale(BuildValue x, float factor) noexcept { return add_node(op_scale, {x}, {factor}); }

BuildValue GraphBuilder::soft_cap(BuildValue x, float cap) noexcept { return add_node(op_soft_cap, {x}, {cap}); }

BuildValue GraphBuilder::select_rows(BuildValue x) noexcept { return add_node(op_select_rows, {x}, {}); }

}  // namespace runnel
