// The parts that decoder-only transformers are made of, for recipes to put together: a recipe is a table of tensors and
// a layer of a few lines. Weights go by the names that every table uses ("{}.attn.norm", "{}.ffn.gate", ...).
#pragma once

#include "converters/recipe/recipe.h"

namespace runnel {

struct AttentionForm {
  bool head_norms = false;  // an RMS norm on every head of q and k before rope: "{}.attn.q_norm", "{}.attn.k_norm"
};

// x + o(attention(rope(q), rope(k), v)) of the normed x, grouped queries, the layer's window.
BuildValue attention_block(Recipe& r, BuildValue x, BuildValue rope, AttentionForm form = {});

// x + down(act(gate) * up) of the normed x.
BuildValue gated_ffn_block(Recipe& r, BuildValue x, GateKind act);

// Embedding, every layer, the last norm, and the logits of the rows that a step asks for.
BuildValue decoder(Recipe& r, BuildValue (*layer)(Recipe& r, BuildValue x, BuildValue rope));

}  // namespace runnel
