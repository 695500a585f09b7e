// Perplexity of a text, and divergence from a reference model, in llama.cpp's manner: the text's tokens in chunks of
// `context`, each chunk from an empty session, its first token replaced by BOS where the model adds one, the second
// half scored.
#pragma once

#include <span>
#include <string_view>

#include "runnel/function_ref.h"
#include "runnel/session.h"

namespace runnel {

struct PerplexityResult {
  double perplexity = 0;
  uint64_t tokens = 0;  // scored
  uint32_t chunks = 0;
  // Against a reference, over the same scored positions; zero without one.
  double kl_mean = 0, kl_p99 = 0, top1_agreement = 0;
};

struct PerplexityOptions {
  uint32_t context = 512;
  uint32_t max_chunks = 0;  // 0: all
  FunctionRef<void(uint64_t done, uint64_t total)> progress = {};
};

// `reference` may be null; it must have the same vocabulary. Statuses: invalid_argument (fewer tokens than one chunk,
// a context longer than the model's, another vocabulary), and what sessions return.
Result<PerplexityResult> measure_perplexity(const Model& model, const Model* reference, std::string_view text,
                                            const PerplexityOptions& options) noexcept;

}  // namespace runnel
