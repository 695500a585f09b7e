// A small Llama-like graph made with the builder: grouped-query attention, fused or separate projections, gated FFN.
#pragma once

#include <cstdint>

#include "graph/builder.h"

namespace runnel::test {

struct LlamaShape {
  uint32_t layers = 2, model = 64, ffn = 96, heads = 4, kv_heads = 2, head_dim = 16, vocab = 96;
  DType dtype = DType::q8g32;
  DType down_dtype = DType::q8g32;
  bool attention_bias = false;
  bool qk_norm = false;
  bool interleaved = false;
  uint32_t window = 0;
  uint32_t rotary_dim = 0;
  float logits_cap = 0;
};

// The graph, or an exception with the builder's message.
Graph llama_graph(const LlamaShape& shape, Array<GraphBuilder::WeightSource>* sources = nullptr);

}  // namespace runnel::test
