#include "tools/runnel/bench_rates.h"

#include <algorithm>
#include <cstdio>

#include "runnel/session.h"
#include "runtime/os/memory_figures.h"
#include "tools/runnel/json_output.h"

namespace runnel::tools {
namespace {

Status measure_threads(const BenchOptions& options, uint32_t threads, Rates* rates) {
  RUNNEL_ASSIGN(const Model model, open_model(with_threads(options, threads)));
  if (!options.json) print_placement(model);
  RUNNEL_ASSIGN(Session session, Session::create(model));
  for (const uint32_t depth : options.depth) {
    for (const uint32_t tokens : options.prefill) {
      RUNNEL_ASSIGN(
          const StepTimes times,
          bench_prefill(session, {.tokens = tokens, .depth = depth, .repeats = options.repeats, .warm_up = 1}));
      rates->runs.push_back({"prefill", tokens, depth, threads, times});
    }
    for (const uint32_t tokens : options.decode) {
      RUNNEL_ASSIGN(const StepTimes times,
                    bench_decode(session, {.tokens = tokens, .depth = depth, .warm_up = kBenchWarmUpTokens}));
      rates->runs.push_back({"decode", tokens, depth, threads, times});
    }
  }
  rates->anonymous_bytes = std::max(rates->anonymous_bytes, process_memory().anonymous_bytes);
  return {};
}

}  // namespace

Result<Rates> measure_rates(const BenchOptions& options) {
  Rates rates;
  for (const uint32_t threads : options.threads) {
    MachineLimits limits = {.threads = threads};
    const size_t first = rates.runs.size();
    measure_limits(&limits);
    RUNNEL_TRY(measure_threads(options, threads, &rates));
    measure_limits(&limits);
    for (size_t i = first; i < rates.runs.size(); ++i) {
      RatedRun& run = rates.runs[i];
      run.percent_of_limit = percent_of_limit(limits, run.times.bytes, run.times.macs, run.times.p50_ms);
    }
    rates.limits.push_back(limits);
  }
  return rates;
}

void print_rates(const Rates& rates) {
  print_limits(rates.limits);
  std::printf("%-8s %7s %7s %8s %8s %10s %9s %9s %9s %9s %9s\n", "phase", "tokens", "depth", "threads", "samples",
              "tokens/s", "p50 ms", "p95 ms", "p99 ms", "of limit", "mJ/token");
  for (const RatedRun& r : rates.runs) {
    std::printf("%-8s %7u %7u %8u %8u %10.1f %9.2f %9.2f %9.2f %8.0f%% ", r.phase.data(), r.tokens, r.depth, r.threads,
                r.times.samples, r.times.tok_s, r.times.p50_ms, r.times.p95_ms, r.times.p99_ms, r.percent_of_limit);
    if (r.times.joules_per_token > 0) {
      std::printf("%9.2f\n", 1000 * r.times.joules_per_token);
    } else {
      std::printf("%9s\n", "-");
    }
  }
}

Json runs_json(const Rates& rates) {
  Json rows = Json::array();
  for (const RatedRun& r : rates.runs) {
    rows.push_back({{"phase", r.phase},
                    {"tokens", r.tokens},
                    {"depth", r.depth},
                    {"threads", r.threads},
                    {"samples", r.times.samples},
                    {"tok_s", r.times.tok_s},
                    {"p50_ms", r.times.p50_ms},
                    {"p95_ms", r.times.p95_ms},
                    {"p99_ms", r.times.p99_ms},
                    {"bytes", r.times.bytes},
                    {"macs", r.times.macs},
                    {"percent_of_limit", r.percent_of_limit},
                    {"joules_per_token", r.times.joules_per_token > 0 ? Json(r.times.joules_per_token) : Json()}});
  }
  return rows;
}

}  // namespace runnel::tools
