#include "converters/recipe/decoder.h"

namespace runnel {

BuildValue attention_block(Recipe& r, BuildValue x, BuildValue rope, AttentionForm form) {
  GraphBuilder& b = r.graph;
  const HParams& h = r.h;
  const BuildValue normed = b.rms_norm(x, r.weight("{}.attn.norm"), h.eps);
  auto [q, k, v] = r.linears<3>(normed, "{}.attn.qkv", {"{}.attn.q", "{}.attn.k", "{}.attn.v"});
  if (form.head_norms) {
    q = b.rms_norm_heads(q, r.weight("{}.attn.q_norm"), h.eps, h.heads);
    k = b.rms_norm_heads(k, r.weight("{}.attn.k_norm"), h.eps, h.kv_heads);
  }
  // In this order of declaration: statements, since that of arguments is the compiler's choice.
  q = r.rope(q, rope, h.heads);
  k = r.rope(k, rope, h.kv_heads);
  const BuildValue y = r.attention(q, k, v);
  return b.add(x, r.linear(y, "{}.attn.o"));
}

BuildValue gated_ffn_block(Recipe& r, BuildValue x, GateKind act) {
  GraphBuilder& b = r.graph;
  const BuildValue normed = b.rms_norm(x, r.weight("{}.ffn.norm"), r.h.eps);
  const auto [gate, up] = r.linears<2>(normed, "{}.ffn.gate_up", {"{}.ffn.gate", "{}.ffn.up"});
  return b.add(x, r.linear(b.gated(gate, up, act), "{}.ffn.down"));
}

BuildValue decoder(Recipe& r, BuildValue (*layer)(Recipe& r, BuildValue x, BuildValue rope)) {
  const BuildValue rope = r.rope_table();
  BuildValue x = r.graph.embed(r.weight("embed"));
  for (uint32_t i = 0; i < r.h.layers; ++i) {
    r.begin_layer(i);
    x = layer(r, x, rope);
  }
  r.begin_layer(r.h.layers);
  x = r.graph.rms_norm(r.graph.select_rows(x), r.weight("out_norm"), r.h.eps);
  return r.linear(x, r.h.tied ? "embed" : "lm_head");
}

}  // namespace runnel
