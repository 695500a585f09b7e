// Qwen3 dense: pre-norm, grouped-query attention with a norm on every head of q and k, SwiGLU, no biases but where the
// configuration asks for them (Yang et al. 2025, arXiv 2505.09388).
#include "converters/recipe/decoder.h"

namespace runnel {
namespace {

using enum Dim;

// clang-format off
constexpr TensorRule kTensors[] = {
    // our name        rows   cols   in GGUF                     in safetensors
    {"embed",          vocab, model, "token_embd.weight",        "model.embed_tokens.weight"},
    {"{}.attn.norm",   one,   model, "blk.{}.attn_norm.weight",  "model.layers.{}.input_layernorm.weight"},
    {"{}.attn.q",      q,     model, "blk.{}.attn_q.weight",     "model.layers.{}.self_attn.q_proj.weight"},
    {"{}.attn.k",      kv,    model, "blk.{}.attn_k.weight",     "model.layers.{}.self_attn.k_proj.weight"},
    {"{}.attn.v",      kv,    model, "blk.{}.attn_v.weight",     "model.layers.{}.self_attn.v_proj.weight"},
    {"{}.attn.o",      model, q,     "blk.{}.attn_output.weight", "model.layers.{}.self_attn.o_proj.weight"},
    {"{}.attn.q_norm", one,   head,  "blk.{}.attn_q_norm.weight", "model.layers.{}.self_attn.q_norm.weight"},
    {"{}.attn.k_norm", one,   head,  "blk.{}.attn_k_norm.weight", "model.layers.{}.self_attn.k_norm.weight"},
    {"{}.attn.q.bias", one,   q,     "blk.{}.attn_q.bias",       "model.layers.{}.self_attn.q_proj.bias", Need::attention_bias},
    {"{}.attn.k.bias", one,   kv,    "blk.{}.attn_k.bias",       "model.layers.{}.self_attn.k_proj.bias", Need::attention_bias},
    {"{}.attn.v.bias", one,   kv,    "blk.{}.attn_v.bias",       "model.layers.{}.self_attn.v_proj.bias", Need::attention_bias},
    {"{}.attn.o.bias", one,   model, "blk.{}.attn_output.bias",  "model.layers.{}.self_attn.o_proj.bias", Need::attention_bias},
    {"{}.ffn.norm",    one,   model, "blk.{}.ffn_norm.weight",   "model.layers.{}.post_attention_layernorm.weight"},
    {"{}.ffn.gate",    ffn,   model, "blk.{}.ffn_gate.weight",   "model.layers.{}.mlp.gate_proj.weight"},
    {"{}.ffn.up",      ffn,   model, "blk.{}.ffn_up.weight",     "model.layers.{}.mlp.up_proj.weight"},
    {"{}.ffn.down",    model, ffn,   "blk.{}.ffn_down.weight",   "model.layers.{}.mlp.down_proj.weight"},
    {"out_norm",       one,   model, "output_norm.weight",       "model.norm.weight"},
    {"lm_head",        vocab, model, "output.weight",            "lm_head.weight", Need::optional},
};
// clang-format on

BuildValue layer(Recipe& r, BuildValue x, BuildValue rope) {
  x = attention_block(r, x, rope, {.head_norms = true});
  return gated_ffn_block(r, x, GateKind::silu);
}

BuildValue build(Recipe& r) { return decoder(r, layer); }

}  // namespace

extern const ModelArch arch_qwen3 = {
    .name = "qwen3", .tensors = kTensors, .has_windows = true, .default_head_dim = 128, .build = build};

}  // namespace runnel
