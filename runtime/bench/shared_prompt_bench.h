// Many sessions over one prompt: what the first one pays, what the others pay, and the memory of all of them.
#pragma once

#include "runnel/model.h"

namespace runnel {

struct SharedPromptOptions {
  uint32_t sessions = 100;
  uint32_t prompt_tokens = 1000;  // the same for all
  uint32_t tail_tokens = 50;      // each session's own, after the prompt
};

struct SharedPromptFigures {
  double first_ttft_ms = 0;   // of the prompt, to an id, in the first session
  double second_ttft_ms = 0;  // in the second
  double tail_ttft_ms = 0;    // of the second session's tail
  uint64_t used_bytes = 0;    // of KV pages, all sessions open
  uint64_t unshared_bytes = 0;
};

// What the model must have been opened with for these sessions to fit: room for one prompt and all tails.
OpenOptions shared_prompt_model(const SharedPromptOptions& options, OpenOptions open) noexcept;

// Token ids are pseudo-random. Statuses: invalid_argument (nothing to do), and what sessions return.
Result<SharedPromptFigures> bench_shared_prompt(const Model& model, const SharedPromptOptions& options) noexcept;

}  // namespace runnel
