// Rates of prompts and of generation, each beside the limit that binds.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string_view>
#include <vector>

#include "runtime/bench/step_bench.h"
#include "tools/runnel/bench_limits.h"
#include "tools/runnel/bench_options.h"

namespace runnel::tools {

struct RatedRun {
  std::string_view phase;  // "prefill" or "decode"
  uint32_t tokens, depth, threads;
  StepTimes times;
  double percent_of_limit = 0;
};

struct Rates {
  std::vector<RatedRun> runs;
  std::vector<MachineLimits> limits;  // one a thread count
  uint64_t anonymous_bytes = 0;       // the most that was seen after the runs of a thread count, model still open
};

// Requires: complete() options.
Result<Rates> measure_rates(const BenchOptions& options);
void print_rates(const Rates& rates);
nlohmann::ordered_json runs_json(const Rates& rates);

}  // namespace runnel::tools
