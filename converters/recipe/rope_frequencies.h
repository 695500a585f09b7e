// Inverse frequencies of rotary embeddings (Su et al. 2021, arXiv 2104.09864) under the scalings of published models.
#pragma once

#include <string>
#include <vector>

#include "converters/models/arch.h"
#include "runnel/status.h"

namespace runnel {

struct RopeScaling {
  std::string kind = "default";  // default, linear, llama3, yarn
  double base = 10000;
  uint32_t dim = 0;                                  // rotated dimensions: even
  double factor = 1;                                 // linear, llama3, yarn
  double original_length = 0;                        // context length before scaling: llama3, yarn
  double low_freq_factor = 1, high_freq_factor = 4;  // llama3
  double beta_fast = 32, beta_slow = 1;              // yarn
  bool truncate = true;                              // yarn: whole dimensions at the ramp's ends
  double amplitude = 0;                              // yarn: 0 means 0.1 ln(factor) + 1
  std::vector<float> divisors;                       // GGUF's rope_freqs: dim / 2 of them, or empty
};

// inv_freq[i] = base^(-2i / dim) / divisor[i], in double, rounded once. Every scaling is such a divisor; it is rounded
// to float first, because that is how a GGUF file carries it: both sources of one model give the same bits.
// invalid_argument for numbers that make no sense, unsupported for an unknown kind, by name.
Result<RopeParams> rope_frequencies(const RopeScaling& scaling);

}  // namespace runnel
