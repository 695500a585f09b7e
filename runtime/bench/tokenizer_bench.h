// How fast a model's tokenizer turns text into ids, apart from everything else.
#pragma once

#include <string_view>

#include "runnel/model.h"

namespace runnel {

struct TokenizerTimes {
  uint64_t bytes = 0, tokens = 0;  // of the text
  double ms = 0;                   // median of the repeats, the first (cold caches) left out
};

// Statuses as Model::tokenize(); invalid_argument without text or repeats.
Result<TokenizerTimes> bench_tokenizer(const Model& model, std::string_view text, uint32_t repeats) noexcept;

// Text to time with: `bytes` or a little more of prose with names, numbers, punctuation and a few other scripts, no
// sentence like another. Status: out_of_memory.
Status prose(size_t bytes, Array<char>* text) noexcept;

}  // namespace runnel
