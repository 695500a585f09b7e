#include "tests/support/llama_graph.h"

#include <stdexcept>
#include <string>

namespace runnel::test {

Graph llama_graph(const LlamaShape& shape, Array<GraphBuilder::WeightSource>* sources) {
  GraphBuilder b;
  const uint32_t q_cols = shape.heads * shape.head_dim, kv_cols = shape.kv_heads * shape.head_dim;
  const auto matrix = [&](const std::string& name, uint32_t rows, uint32_t cols) {
    return b.weight(name.c_str(), shape.dtype, rows, cols);
  };
  const auto vector = [&](const std::string& name, uint32_t cols) {
    return b.weight(name.c_str(), DType::f32, 1, cols);
  };
  const uint32_t rotary = shape.rotary_dim == 0 ? shape.head_dim : shape.rotary_dim;
  BuildValue x = b.embed(matrix("embed", shape.vocab, shape.model));
  const BuildValue table = b.rope_table(vector("rope", rotary / 2));
  for (uint32_t layer = 0; layer < shape.layers; ++layer) {
    b.begin_layer(layer);
    const std::string at = std::to_string(layer) + ".";
    BuildValue y = b.rms_norm(x, vector(at + "attn.norm", shape.model), 1e-5f);
    const BuildValue weights[] = {matrix(at + "attn.q", q_cols, shape.model),
                                  matrix(at + "attn.k", kv_cols, shape.model),
                                  matrix(at + "attn.v", kv_cols, shape.model)};
    BuildValue biases[3];
    if (shape.attention_bias) {
      biases[0] = vector(at + "attn.q.bias", q_cols);
      biases[1] = vector(at + "attn.k.bias", kv_cols);
      biases[2] = vector(at + "attn.v.bias", kv_cols);
    }
    BuildValue qkv[3];
    b.linear_siblings(y, (at + "attn.qkv").c_str(), weights, biases, qkv);
    if (shape.qk_norm) {
      qkv[0] = b.rms_norm_heads(qkv[0], vector(at + "attn.q_norm", shape.head_dim), 1e-6f, shape.heads);
      qkv[1] = b.rms_norm_heads(qkv[1], vector(at + "attn.k_norm", shape.head_dim), 1e-6f, shape.kv_heads);
    }
    qkv[0] = b.rope(qkv[0], table, {shape.heads, shape.head_dim, shape.rotary_dim, shape.interleaved});
    qkv[1] = b.rope(qkv[1], table, {shape.kv_heads, shape.head_dim, shape.rotary_dim, shape.interleaved});
    y = b.attention(qkv[0], qkv[1], qkv[2], {shape.heads, shape.kv_heads, shape.head_dim, 0, shape.window});
    x = b.add(x, b.linear(y, matrix(at + "attn.o", shape.model, q_cols)));
    y = b.rms_norm(x, vector(at + "ffn.norm", shape.model), 1e-5f);
    const BuildValue gate_up[] = {matrix(at + "ffn.gate", shape.ffn, shape.model),
                                  matrix(at + "ffn.up", shape.ffn, shape.model)};
    BuildValue parts[2];
    b.linear_siblings(y, (at + "ffn.gate_up").c_str(), gate_up, {}, parts);
    y = b.gated(parts[0], parts[1], GateKind::silu);
    x = b.add(x, b.linear(y, b.weight((at + "ffn.down").c_str(), shape.down_dtype, shape.model, shape.ffn)));
  }
  b.begin_layer(shape.layers);
  x = b.rms_norm(b.select_rows(x), vector("out_norm", shape.model), 1e-5f);
  x = b.linear(x, matrix("lm_head", shape.vocab, shape.model));
  if (shape.logits_cap != 0) x = b.soft_cap(x, shape.logits_cap);
  Graph graph;
  Array<GraphBuilder::WeightSource> own;
  const Status status = b.finish(x, &graph, sources == nullptr ? &own : sources);
  if (!status.ok()) throw std::runtime_error(status.message());
  return graph;
}

}  // namespace runnel::test
