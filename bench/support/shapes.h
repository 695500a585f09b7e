// The shapes of real models, from bench/shapes/*.txt: the matrices of one token's step and its attention.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace runnel::bench {

struct MatrixShape {
  std::string name;
  uint32_t k, n;  // columns and rows of the weight
};

struct ModelShape {
  std::string name;                   // of the file
  std::vector<MatrixShape> matrices;  // in the order in which they run
  uint32_t heads = 0, kv_heads = 0, head_dim = 0;
  uint32_t hidden = 0, ffn = 0;  // columns of attn.out's and of ffn.down's input
};

// Sorted by name. Ends the program with a message when a file does not parse.
const std::vector<ModelShape>& model_shapes();

}  // namespace runnel::bench
