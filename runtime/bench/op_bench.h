// Where the time of a prompt or of a generated token goes, op by op.
//
// Linears are told apart by what they compute (the weight's name without its layer), phases of an op that take barriers
// of their own by their names. All figures are of one prompt, or of one token: means over the middle half of the
// samples by duration, so that neither a lucky nor an interrupted one counts, and the parts still add up to the whole.
#pragma once

#include "runtime/bench/step_bench.h"

namespace runnel {

struct OpFigures {
  char name[96] = {};    // "linear ffn.down, multiply", "rms_norm"
  bool is_gemm = false;  // multiplies by weights
  double runs = 0;
  double jobs = 0;  // runs that were handed to the workers; each ends in a barrier
  double ms = 0;
  double busy_ms = 0;          // inside the op, of all threads together
  double bytes = 0, macs = 0;  // graph/cost.h's NodeCost
};

struct OpProfile {
  Array<OpFigures> ops;  // those that ran, most time first
  uint32_t threads = 0;
  uint32_t samples = 0;    // prompts or tokens that the means are over
  double step_ms = 0;      // all of it
  double ops_ms = 0;       // sum of the ops
  double sampling_ms = 0;  // picking the token (decode)
  double jobs = 0;         // barriers

  // What is neither in an op nor in sampling: walking the graph, the session.
  double rest_ms() const noexcept { return step_ms - ops_ms - sampling_ms; }
  // Share of the step that does not multiply by weights: attention, norms, sampling and the rest.
  double non_gemm_percent() const noexcept;
};

// Statuses as bench_prefill() and bench_decode().
Result<OpProfile> profile_prefill(Session& session, const StepBenchOptions& options) noexcept;
Result<OpProfile> profile_decode(Session& session, const StepBenchOptions& options) noexcept;

}  // namespace runnel
