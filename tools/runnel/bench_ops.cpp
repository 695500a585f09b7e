#include "tools/runnel/bench_ops.h"

#include <cstdio>

#include "runnel/session.h"
#include "runtime/bench/op_bench.h"
#include "tools/runnel/bench_limits.h"
#include "tools/runnel/json_output.h"

namespace runnel::tools {
namespace {

struct ProfiledRun {
  const char* phase;
  uint32_t tokens, depth, threads;
  OpProfile profile;
};

Status profile_threads(const BenchOptions& options, uint32_t threads, std::vector<ProfiledRun>* runs) {
  RUNNEL_ASSIGN(const Model model, open_model(with_threads(options, threads)));
  RUNNEL_ASSIGN(Session session, Session::create(model));
  for (const uint32_t depth : options.depth) {
    for (const uint32_t tokens : options.prefill) {
      RUNNEL_ASSIGN(
          OpProfile profile,
          profile_prefill(session, {.tokens = tokens, .depth = depth, .repeats = options.repeats, .warm_up = 1}));
      runs->push_back({"prefill", tokens, depth, threads, std::move(profile)});
    }
    for (const uint32_t tokens : options.decode) {
      RUNNEL_ASSIGN(OpProfile profile,
                    profile_decode(session, {.tokens = tokens, .depth = depth, .warm_up = kBenchWarmUpTokens}));
      runs->push_back({"decode", tokens, depth, threads, std::move(profile)});
    }
  }
  return {};
}

// A rate, or nothing where there is none.
void print_rate(double per_ms) {
  if (per_ms > 0) {
    std::printf(" %8.1f", per_ms * 1e-6);
  } else {
    std::printf(" %8s", "");
  }
}

void print_line(const char* name, double ms, double step_ms) {
  std::printf("%-32s %8s %8s %9.4f %6.1f%%\n", name, "", "", ms, 100 * ms / step_ms);
}

void print_profile(const ProfiledRun& run, const MachineLimits& limits) {
  const OpProfile& p = run.profile;
  std::printf("\n%s of %u tokens at depth %u, %u thread%s: %.3f ms a %s (mean of the middle %u), %.0f barriers\n",
              run.phase, run.tokens, run.depth, run.threads, run.threads == 1 ? "" : "s", p.step_ms,
              run.phase[0] == 'p' ? "prompt" : "token", p.samples, p.jobs);
  std::printf("%-32s %8s %8s %9s %7s %8s %8s %9s %7s\n", "op", "runs", "barriers", "ms", "share", "GB/s", "GMAC/s",
              "of limit", "busy");
  for (const OpFigures& op : p.ops) {
    std::printf("%-32s %8.0f %8.0f %9.4f %6.1f%%", op.name, op.runs, op.jobs, op.ms, 100 * op.ms / p.step_ms);
    print_rate(op.bytes / op.ms);
    print_rate(op.macs / op.ms);
    if (op.macs > 0) {  // other ops' rows lie in caches, which have no such limit
      std::printf(" %8.0f%%", percent_of_limit(limits, op.bytes, op.macs, op.ms));
    } else {
      std::printf(" %9s", "");
    }
    std::printf(" %6.0f%%\n", 100 * op.busy_ms / (op.ms * run.threads));
  }
  print_line("sum of the ops", p.ops_ms, p.step_ms);
  if (p.sampling_ms > 0) print_line("sampling", p.sampling_ms, p.step_ms);
  print_line("left over: graph walk, session", p.rest_ms(), p.step_ms);
  std::printf("non-GEMM share: %.1f%% (all but the products with weights)\n", p.non_gemm_percent());
}

Json profile_json(const ProfiledRun& run, const MachineLimits& limits) {
  const OpProfile& p = run.profile;
  Json ops = Json::array();
  for (const OpFigures& op : p.ops) {
    Json row = {{"op", op.name},
                {"gemm", op.is_gemm},
                {"runs", op.runs},
                {"barriers", op.jobs},
                {"ms", op.ms},
                {"percent", 100 * op.ms / p.step_ms},
                {"busy_percent", 100 * op.busy_ms / (op.ms * run.threads)},
                {"bytes", op.bytes},
                {"macs", op.macs},
                {"gb_s", op.bytes * 1e-6 / op.ms},
                {"gmac_s", op.macs * 1e-6 / op.ms}};
    if (op.macs > 0) row["percent_of_limit"] = percent_of_limit(limits, op.bytes, op.macs, op.ms);
    ops.push_back(std::move(row));
  }
  return {{"phase", run.phase},
          {"tokens", run.tokens},
          {"depth", run.depth},
          {"threads", run.threads},
          {"samples", p.samples},
          {"ms", p.step_ms},
          {"barriers", p.jobs},
          {"ops_ms", p.ops_ms},
          {"sampling_ms", p.sampling_ms},
          {"rest_ms", p.rest_ms()},
          {"non_gemm_percent", p.non_gemm_percent()},
          {"ops", std::move(ops)}};
}

}  // namespace

Status bench_ops(const BenchOptions& options) {
  Json profiles = Json::array(), all_limits = Json::array();
  for (const uint32_t threads : options.threads) {
    std::vector<ProfiledRun> runs;
    MachineLimits limits = {.threads = threads};
    measure_limits(&limits);
    RUNNEL_TRY(profile_threads(options, threads, &runs));
    measure_limits(&limits);
    all_limits.push_back(limits_json(limits));
    if (!options.json) print_limits({limits});
    for (const ProfiledRun& run : runs) {
      if (options.json) {
        profiles.push_back(profile_json(run, limits));
      } else {
        print_profile(run, limits);
      }
    }
  }
  if (options.json) print_json({{"profiles", std::move(profiles)}, {"limits", std::move(all_limits)}});
  return {};
}

}  // namespace runnel::tools
