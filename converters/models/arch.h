// What an architecture is to the converter: a table of its tensors in three namings, and a builder that writes its
// graph. One file and one row of archs.inc each; nothing else names a model.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "graph/builder.h"

namespace runnel {

class Recipe;

// Sizes that tensor shapes are made of.
enum class Dim : uint8_t { one, vocab, model, ffn, head, q, kv };

enum class Need : uint8_t {
  always,
  optional,        // used when the source has it
  attention_bias,  // optional, but must be there when the configuration says attention_bias
  mlp_bias,        // ... mlp_bias
};

// How a GGUF file orders a tensor's rows. llama.cpp's converter interleaves the two halves of every head of some
// models' q and k ("rope_q", "rope_kv"); the same reordering undone gives the rows of the checkpoint, which is the
// order that our graphs use.
enum class GgufRows : uint8_t { plain, rope_q, rope_kv };

// "{}" in a name stands for the layer's number.
struct TensorRule {
  const char* name;
  Dim rows, cols;
  const char* gguf;
  const char* safetensors;
  Need need = Need::always;
  GgufRows gguf_rows = GgufRows::plain;
};

// Rotary frequencies, all scaling folded in.
struct RopeParams {
  uint32_t dim = 0;             // rotated dimensions of each head
  std::vector<float> inv_freq;  // dim / 2
  float amplitude = 1;          // multiplies cos and sin (yarn)
};

struct HParams {
  uint32_t layers = 0, model = 0, ffn = 0, heads = 0, kv_heads = 0, head_dim = 0, vocab = 0;
  uint32_t context_length = 0;
  float eps = 0;
  RopeParams rope;
  bool tied = false;  // the embedding table is the output matrix
  bool attention_bias = false, mlp_bias = false;
  std::vector<uint32_t> windows;  // by layer, 0: sees everything; empty: no layer has one

  uint32_t window(uint32_t layer) const { return layer < windows.size() ? windows[layer] : 0; }
};

struct ModelArch {
  const char* name;  // GGUF's general.architecture and config.json's model_type
  std::span<const TensorRule> tensors;
  bool has_windows = false;        // honours the configuration's sliding_window
  uint32_t default_head_dim = 0;   // when config.json has none; 0: model / heads
  BuildValue (*build)(Recipe& r);  // -> logits
};

// Null when unknown.
const ModelArch* find_arch(std::string_view name);
// "llama, qwen2, ..."
std::string arch_names();

}  // namespace runnel
