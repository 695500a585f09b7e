// runnel bench: rates of prompts and of generation, first token, tokenizer, memory, each beside the machine's limit.
#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>

#include "graph/file/model_file.h"
#include "runtime/bench/tokenizer_bench.h"
#include "runtime/os/energy.h"
#include "runtime/os/memory_figures.h"
#include "tools/runnel/bench_frames.h"
#include "tools/runnel/bench_ops.h"
#include "tools/runnel/bench_rates.h"
#include "tools/runnel/bench_shared.h"
#include "tools/runnel/bench_start.h"
#include "tools/runnel/bench_typing.h"
#include "tools/runnel/json_output.h"
#include "tools/runnel/text_input.h"

namespace runnel::tools {
namespace {

constexpr size_t kTextBytes = 64 << 10;
constexpr uint32_t kTextRepeats = 5;

// Nothing for a model without a tokenizer.
Result<std::optional<TokenizerTimes>> measure_tokenizer(const BenchOptions& options) {
  RUNNEL_ASSIGN(const Model model, open_model(options.model));
  Array<char> made;
  std::string read;
  if (options.text.empty()) {
    RUNNEL_TRY(prose(kTextBytes, &made));
  } else {
    RUNNEL_ASSIGN(read, read_file("bench", options.text));
  }
  const std::string_view text = options.text.empty() ? std::string_view(made.data(), made.size()) : read;
  Result<TokenizerTimes> times = bench_tokenizer(model, text, kTextRepeats);
  if (!times.ok() && times.status().code() == Code::unsupported) return std::optional<TokenizerTimes>();
  if (!times.ok()) return times.status();
  return std::optional(*times);
}

struct Report {
  Rates rates;
  StartFigures start;
  std::optional<TokenizerTimes> tokenizer;
  uint64_t peak_rss_bytes = 0, file_bytes = 0;
  bool has_energy = false;
};

void print_report(const Report& report) {
  const auto megabytes = [](uint64_t bytes) { return static_cast<double>(bytes) / (1 << 20); };
  print_rates(report.rates);
  if (!report.has_energy) std::printf("energy: not available (no powercap counters that this user may read)\n");
  print_start(report.start);
  if (report.tokenizer) {
    const TokenizerTimes& t = *report.tokenizer;
    std::printf(
        "tokenizer, one thread, not part of the above: %.2f million tokens/s, %.1f MB/s, %.2f ms for %llu tokens\n",
        static_cast<double>(t.tokens) / t.ms * 1e-3, static_cast<double>(t.bytes) / t.ms * 1e-3, t.ms,
        static_cast<unsigned long long>(t.tokens));
  } else {
    std::printf("tokenizer: the model has none\n");
  }
  std::printf("peak memory %.1f MB, anonymous after the runs %.1f MB, file %.1f MB\n", megabytes(report.peak_rss_bytes),
              megabytes(report.rates.anonymous_bytes), megabytes(report.file_bytes));
}

void print_report_json(const Report& report) {
  Json all_limits = Json::array();
  for (const MachineLimits& limits : report.rates.limits) all_limits.push_back(limits_json(limits));
  Json object = {{"runs", runs_json(report.rates)},
                 {"limits", limits_json(report.rates.limits.back())},
                 {"limits_by_threads", std::move(all_limits)}};
  add_start_json(report.start, &object);
  Json tokenizer;
  if (report.tokenizer) {
    const TokenizerTimes& t = *report.tokenizer;
    tokenizer = {{"bytes", t.bytes},
                 {"tokens", t.tokens},
                 {"ms", t.ms},
                 {"tok_s", 1000 * static_cast<double>(t.tokens) / t.ms},
                 {"mb_s", static_cast<double>(t.bytes) / t.ms * 1e-3}};
  }
  object["tokenizer"] = std::move(tokenizer);
  object["energy_available"] = report.has_energy;
  object["peak_rss_bytes"] = report.peak_rss_bytes;
  object["anonymous_bytes"] = report.rates.anonymous_bytes;
  object["file_bytes"] = report.file_bytes;
  print_json(object);
}

Status run(BenchOptions options) {
  if (options.shared != 0) return bench_shared(options);
  RUNNEL_TRY(complete(&options));
  if (options.ops && options.model.device != "cpu")
    return Status::error(Code::unsupported, "bench: --ops times what the CPU does; leave --device out");
  if (options.ops) return bench_ops(options);
  if (options.typing) return bench_typing(options);
  if (options.frames) return bench_frames(options);
  Report report;
  {
    RUNNEL_ASSIGN(const ModelFile file, ModelFile::open(options.model.path.c_str(), {.verify = Verify::off}));
    report.file_bytes = file.file_bytes();
  }
  report.has_energy = EnergyMeter().available();
  RUNNEL_ASSIGN(report.rates, measure_rates(options));
  options.model.threads = options.threads.back();
  RUNNEL_ASSIGN(report.start, measure_start(options.model));
  RUNNEL_ASSIGN(report.tokenizer, measure_tokenizer(options));
  report.peak_rss_bytes = process_memory().peak_rss_bytes;
  if (options.json) {
    print_report_json(report);
  } else {
    print_report(report);
  }
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
  arguments.add("--text", &options->text, "FILE", "Text for the tokenizer (default: 64 KB of made-up prose)");
  arguments.flag("--ops", &options->ops, "Where the time goes, op by op, instead of the rates");
  arguments.add("--shared", &options->shared, "N",
                "Instead of the rates: N sessions over one prompt (of --prefill tokens, 1000), each with a tail (of "
                "--decode tokens, 50)");
  arguments.flag("--typing", &options->typing,
                 "The first token after Enter when 200 characters were typed at 15 a second, instead of the rates");
  arguments.flag("--frames", &options->frames,
                 "What frames that an app draws feel of a generation, instead of the rates");
  arguments.flag("--json", &options->json, "Print one JSON object");
  add_model_options(arguments, options->model, false);
  arguments.example("runnel bench model.rnl");
  arguments.example("runnel bench model.rnl --prefill 512 --decode 100 --depth 0,4096 --threads 1,2 --json");
  arguments.example("runnel bench model.rnl --ops --prefill 512 --decode 100 --depth 0,4096");
  arguments.example("runnel bench model.rnl --shared 100");
  arguments.example("runnel bench model.rnl --typing");
  arguments.example("runnel bench model.rnl --frames");
  arguments.runs([options] { return run(*options); });
}

}  // namespace runnel::tools
