// Random weights for any graph, without a file: packed as the kernels read them, and as the floats they stand for.
#pragma once

#include <cstdint>
#include <vector>

#include "graph/cpu/executor.h"

namespace runnel::test {

class GraphWeights {
 public:
  // Values of about +-scale / sqrt(cols) for matrices; vectors get 1 +- 0.25 (norms stay tame).
  GraphWeights(const Graph& graph, uint32_t seed, float scale = 1);
  GraphWeights(const GraphWeights&) = delete;
  GraphWeights& operator=(const GraphWeights&) = delete;
  ~GraphWeights();

  WeightView view() const;
  // (rows, cols) floats that tensor `index` dequantises to.
  const std::vector<float>& values(uint32_t index) const { return values_[index]; }
  // Replaces a vector's values.
  void set_vector(uint32_t index, const std::vector<float>& values);
  // Replaces a row of an f32 matrix. Requires: panels of 16 rows.
  void set_row(uint32_t index, uint32_t row, const std::vector<float>& values);

  mutable std::vector<uint32_t> touches;  // by tensor: how often it was touched
  uint32_t refused = UINT32_MAX;          // touching this tensor is a corrupt_file status
  bool damaged = false;                   // the verification's answer is a corrupt_file status

 private:
  std::vector<std::vector<float>> values_;
  std::vector<uint8_t*> packed_;  // 64-byte aligned
};

}  // namespace runnel::test
