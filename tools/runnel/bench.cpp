// runnel bench: prefill and decode rates, time to first token, memory, each beside the machine's limit.
#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <memory>

#include "graph/cost.h"
#include "graph/file/model_file.h"
#include "runtime/bench/step_bench.h"
#include "runtime/os/memory_figures.h"
#include "tools/runnel/bench_limits.h"
#include "tools/runnel/bench_ops.h"
#include "tools/runnel/json_output.h"

namespace runnel::tools {
namespace {

constexpr std::string_view kPrefill = "prefill", kDecode = "decode";

struct Run {
  std::string_view phase;
  uint32_t tokens, depth, threads;
  StepTimes times;
  double percent_of_limit = 0;
};

double now_ms() {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Opening, a prompt of 16 tokens, the first id: what a user waits for.
Result<double> time_to_first_token(const ModelOptions& model_options) {
  const double start = now_ms();
  RUNNEL_ASSIGN(const Model model, open_model(model_options));
  RUNNEL_ASSIGN(Session session, Session::create(model));
  int32_t ids[16];
  for (int32_t i = 0; i < 16; ++i)
    ids[i] = static_cast<int32_t>(static_cast<uint32_t>(i * 37 + 5) % model.info().vocab_size);
  RUNNEL_TRY(session.append(ids));
  RUNNEL_TRY(session.sample({}).status());
  return now_ms() - start;
}

// Asks the system to drop the file's pages from its cache, as after a reboot.
void evict(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return;
  ::fdatasync(descriptor);
  ::posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED);
  ::close(descriptor);
}

// The bytes a decode step must read, or the multiplications of a prompt, in the time they took.
double percent_of_limit(const StepCost& cost, const Run& run, const MachineLimits& limits) {
  if (run.phase == kDecode) {
    const double kv = 2.0 * static_cast<double>(cost.kv_values_per_token) * (run.depth + run.tokens / 2.0);  // f16
    return percent_of_limit(limits, static_cast<double>(cost.weight_bytes) + kv, 0, run.times.p50_ms);
  }
  const double macs = static_cast<double>(cost.macs_per_token) * run.tokens + static_cast<double>(cost.macs_per_output);
  return percent_of_limit(limits, 0, macs, run.times.p50_ms);
}

Status bench_threads(const BenchOptions& options, uint32_t threads, std::vector<Run>* runs) {
  RUNNEL_ASSIGN(const Model model, open_model(with_threads(options, threads)));
  RUNNEL_ASSIGN(Session session, Session::create(model));
  for (const uint32_t depth : options.depth) {
    for (const uint32_t tokens : options.prefill) {
      RUNNEL_ASSIGN(
          const StepTimes times,
          bench_prefill(session, {.tokens = tokens, .depth = depth, .repeats = options.repeats, .warm_up = 1}));
      runs->push_back({kPrefill, tokens, depth, threads, times});
    }
    for (const uint32_t tokens : options.decode) {
      RUNNEL_ASSIGN(const StepTimes times,
                    bench_decode(session, {.tokens = tokens, .depth = depth, .warm_up = kBenchWarmUpTokens}));
      runs->push_back({kDecode, tokens, depth, threads, times});
    }
  }
  return {};
}

void print_runs(const std::vector<Run>& runs) {
  std::printf("%-8s %7s %7s %8s %10s %9s %9s %9s %9s\n", "phase", "tokens", "depth", "threads", "tokens/s", "p50 ms",
              "p95 ms", "p99 ms", "of limit");
  for (const Run& r : runs)
    std::printf("%-8s %7u %7u %8u %10.1f %9.2f %9.2f %9.2f %8.0f%%\n", r.phase.data(), r.tokens, r.depth, r.threads,
                r.times.tok_s, r.times.p50_ms, r.times.p95_ms, r.times.p99_ms, r.percent_of_limit);
}

Json runs_json(const std::vector<Run>& runs) {
  Json rows = Json::array();
  for (const Run& r : runs)
    rows.push_back({{"phase", std::string(r.phase)},
                    {"tokens", r.tokens},
                    {"depth", r.depth},
                    {"threads", r.threads},
                    {"tok_s", r.times.tok_s},
                    {"p50_ms", r.times.p50_ms},
                    {"p95_ms", r.times.p95_ms},
                    {"p99_ms", r.times.p99_ms},
                    {"percent_of_limit", r.percent_of_limit}});
  return rows;
}

Status run(BenchOptions options) {
  RUNNEL_TRY(complete(&options));
  if (options.ops) return bench_ops(options);
  StepCost cost;
  uint64_t file_bytes = 0;
  {
    RUNNEL_ASSIGN(const ModelFile file, ModelFile::open(options.model.path.c_str(), {.verify = Verify::off}));
    cost = step_cost(file.graph());
    file_bytes = file.file_bytes();
  }
  std::vector<Run> runs;
  std::vector<MachineLimits> limits;
  for (const uint32_t threads : options.threads) {
    limits.push_back({.threads = threads});
    measure_limits(&limits.back());
    const size_t first = runs.size();
    RUNNEL_TRY(bench_threads(options, threads, &runs));
    measure_limits(&limits.back());
    for (size_t i = first; i < runs.size(); ++i)
      runs[i].percent_of_limit = percent_of_limit(cost, runs[i], limits.back());
  }
  evict(options.model.path);
  options.model.threads = options.threads.back();
  RUNNEL_ASSIGN(const double cold_ms, time_to_first_token(options.model));
  RUNNEL_ASSIGN(const double warm_ms, time_to_first_token(options.model));
  const uint64_t peak_rss_bytes = process_memory().peak_rss_bytes;
  if (options.json) {
    print_json({{"runs", runs_json(runs)},
                {"limits", limits_json(limits.back())},
                {"ttft_cold_ms", cold_ms},
                {"ttft_warm_ms", warm_ms},
                {"peak_rss_bytes", peak_rss_bytes},
                {"file_bytes", file_bytes}});
    return {};
  }
  print_limits(limits);
  print_runs(runs);
  std::printf("first token of a 16-token prompt, opening included: %.1f ms cold, %.1f ms warm\n", cold_ms, warm_ms);
  std::printf("peak memory %.1f MB, file %.1f MB\n", static_cast<double>(peak_rss_bytes) / (1 << 20),
              static_cast<double>(file_bytes) / (1 << 20));
  return {};
}

}  // namespace

void add_bench(Parser& parser) {
  auto options = std::make_shared<BenchOptions>();
  Arguments arguments =
      parser.subcommand("bench", "Speed: prompts, generation, first token, beside the machine's limits");
  add_model(arguments, options->model);
  arguments.group("What to measure");
  arguments.add("--prefill", &options->prefill, "N,...", "Prompt lengths (default, without --decode: 128,512)");
  arguments.add("--decode", &options->decode, "N,...", "Tokens to generate (default, without --prefill: 100)");
  arguments.add("--depth", &options->depth, "N,...", "Tokens that are there before (default: 0)");
  arguments.add("--threads", &options->threads, "N,...", "Thread counts (default: what suits the machine)");
  arguments.add("--repeats", &options->repeats, "N", "Prompts timed for each prefill figure").show_default();
  arguments.flag("--ops", &options->ops, "Where the time goes, op by op, instead of the rates");
  arguments.flag("--json", &options->json, "Print one JSON object");
  add_model_options(arguments, options->model, false);
  arguments.example("runnel bench model.rnl");
  arguments.example("runnel bench model.rnl --prefill 512 --decode 100 --depth 0,4096 --threads 1,2 --json");
  arguments.example("runnel bench model.rnl --ops --prefill 512 --decode 100 --depth 0,4096");
  arguments.runs([options] { return run(*options); });
}

}  // namespace runnel::tools
