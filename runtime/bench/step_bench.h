// Rates of prefill and decode at a given depth, timed step by step on a model that is open.
#pragma once

#include "runnel/session.h"

namespace runnel {

struct StepTimes {
  double tok_s = 0;                           // by the median
  double p50_ms = 0, p95_ms = 0, p99_ms = 0;  // of one prompt (prefill) or one token (decode)
  uint32_t samples = 0;
  double joules_per_token = 0;  // of the whole machine meanwhile; 0 where the system does not tell
  // What one prompt or token, at the middle of the depths that were timed, costs at least: weights, keys and values to
  // read, and products with weights. Held against the machine's limits.
  double bytes = 0, macs = 0;
};

struct StepBenchOptions {
  uint32_t tokens = 0;   // of the prompt, or decode steps that are timed
  uint32_t depth = 0;    // tokens that are in the session already
  uint32_t repeats = 1;  // prompts that are timed (prefill)
  uint32_t warm_up = 1;  // not timed: prompts (prefill) or tokens (decode)
};

// Token ids are pseudo-random, the same each time: the model is to be opened without share_prefixes. Statuses:
// invalid_argument (tokens is 0), context_full, and what sessions return.
Result<StepTimes> bench_prefill(Session& session, const StepBenchOptions& options) noexcept;
Result<StepTimes> bench_decode(Session& session, const StepBenchOptions& options) noexcept;

}  // namespace runnel
