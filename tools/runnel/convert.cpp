// runnel convert: a GGUF file or a Hugging Face folder becomes a model file.
#include "converters/convert.h"

#include <memory>

#include "graph/file/model_file.h"
#include "kernels/cpu_topology.h"
#include "runtime/pool/worker_pool.h"
#include "tools/runnel/command.h"
#include "tools/runnel/json_output.h"
#include "tools/runnel/progress.h"
#include "tools/runnel/size_text.h"
#include "tools/runnel/verified_files.h"

namespace runnel::tools {
namespace {

struct Options {
  std::string input, output, weights = "auto", shard_size, budget, name, sign_key;
  bool no_template = false, json = false, quiet = false;
  uint32_t threads = 0, worst = 10;
};

const std::map<std::string, WeightsOut> kWeights = {
    {"auto", WeightsOut::automatic}, {"f32", WeightsOut::f32}, {"f16", WeightsOut::f16},
    {"q8", WeightsOut::q8},          {"q4", WeightsOut::q4},   {"keep", WeightsOut::keep},
};

Json report_json(const Options& options, const ConvertReport& report) {
  Json tensors = Json::array();
  for (const ConvertedTensor& t : report.tensors)
    tensors.push_back({{"name", t.name},
                       {"from", t.from},
                       {"to", t.to},
                       {"bytes_in", t.bytes_in},
                       {"bytes_out", t.bytes_out},
                       {"relative_rms", t.relative_rms}});
  return {{"output", options.output},
          {"architecture", report.architecture},
          {"bytes_in", report.bytes_in},
          {"bytes_out", report.bytes_out},
          {"bits_per_weight", report.bits_per_weight},
          {"seconds", report.seconds},
          {"notes", report.notes},
          {"tensors", tensors}};
}

void print_report(const Options& options, const ConvertReport& report) {
  std::printf("%s: %s, %s in, %s out, %.2f bits per weight, %.1f s (%s/s of input)\n", options.output.c_str(),
              report.architecture.c_str(), format_size(report.bytes_in).c_str(), format_size(report.bytes_out).c_str(),
              report.bits_per_weight, report.seconds,
              format_size(static_cast<uint64_t>(static_cast<double>(report.bytes_in) / std::max(report.seconds, 1e-9)))
                  .c_str());
  for (const std::string& note : report.notes) std::printf("note: %s\n", note.c_str());
  // Worst first; what was only copied has no error.
  const auto exact = std::find_if(report.tensors.begin(), report.tensors.end(),
                                  [](const ConvertedTensor& t) { return t.relative_rms == 0; });
  const size_t shown = std::min<size_t>(static_cast<size_t>(exact - report.tensors.begin()), options.worst);
  if (shown == 0) return;
  std::printf("error made by quantisation (relative RMS), worst %zu of %zu tensors:\n", shown, report.tensors.size());
  for (size_t i = 0; i < shown; ++i) {
    const ConvertedTensor& t = report.tensors[i];
    std::printf("  %-28s %-6s -> %-12s %10s -> %10s  %.5f\n", t.name.c_str(), t.from.c_str(), t.to.c_str(),
                format_size(t.bytes_in).c_str(), format_size(t.bytes_out).c_str(), t.relative_rms);
  }
}

Status run(const Options& options) {
  ConvertOptions convert_options;
  convert_options.input = options.input;
  convert_options.output = options.output;
  convert_options.weights = kWeights.at(options.weights);
  convert_options.no_template = options.no_template;
  convert_options.name = options.name;
  convert_options.signing_key = options.sign_key;
  const InterruptWatch watch;
  convert_options.cancel = &interrupt_flag();
  if (!options.shard_size.empty() && !parse_size(options.shard_size, &convert_options.shard_bytes))
    return Status::error(Code::invalid_argument, "convert: --shard-size %s is not a size (try 50M)",
                         options.shard_size.c_str());
  if (!options.budget.empty() &&
      (!parse_size(options.budget, &convert_options.budget_bytes) || convert_options.budget_bytes == 0))
    return Status::error(Code::invalid_argument, "convert: --budget %s is not a size (try 100M)",
                         options.budget.c_str());
  Progress progress("convert", options.quiet || options.json);
  convert_options.progress_context = &progress;
  convert_options.progress = [](void* context, uint64_t done, uint64_t total, const char* tensor) {
    static_cast<Progress*>(context)->update(done, total, tensor);
  };
  ConvertReport report;
  {
    RUNNEL_ASSIGN(WorkerPool pool, WorkerPool::create(options.threads == 0 ? recommended_threads() : options.threads));
    convert_options.workers = &pool;
    RUNNEL_TRY(convert(convert_options, &report));
  }
  // The writer hashed every byte on its way to the disk, so that the first run need not do it again.
  const Result<ModelFile> written = ModelFile::open(options.output.c_str(), {.verify = Verify::off});
  if (written.ok()) remember_verified(written->fingerprint());
  if (options.json) {
    print_json(report_json(options, report));
  } else {
    print_report(options, report);
  }
  return {};
}

}  // namespace

void add_convert(Parser& parser) {
  auto options = std::make_shared<Options>();
  Arguments arguments = parser.subcommand("convert", "Make a model file from a GGUF file or a Hugging Face folder");
  arguments.add("input", &options->input, "PATH", "GGUF file (the first of a split set) or folder with a config.json")
      .required();
  arguments.add("-o,--output", &options->output, "FILE", "Model file to write (.rnl)").required();
  arguments
      .add("--weights", &options->weights, "TYPE",
           "Storage of the weights. keep: every tensor stays what it is. auto: keep for a quantised source, q4 "
           "(embedding and output q8) for a float one")
      .choices({"auto", "f32", "f16", "q8", "q4", "keep"})
      .show_default();
  arguments.add("--shard-size", &options->shard_size, "SIZE",
                "Split into files of at most this size (for example 50M)");
  arguments.add("--budget", &options->budget, "SIZE",
                "Most private memory of the conversion, for example 100M; without it some tens of MB");
  arguments.add("--name", &options->name, "NAME", "The model's name; without it, the source's");
  arguments.add("--sign-key", &options->sign_key, "FILE",
                "Sign the model by this Ed25519 private key (PEM; openssl genpkey -algorithm ed25519)");
  arguments.flag("--no-template", &options->no_template,
                 "Leave the chat template out (otherwise one that fails is an error)");
  arguments.add("--threads", &options->threads, "N", "Worker threads; without it, what suits the machine");
  arguments.add("--worst", &options->worst, "N", "How many tensors the table of errors shows").show_default();
  arguments.flag("--json", &options->json, "Print one JSON object");
  arguments.flag("-q,--quiet", &options->quiet, "No progress bar");
  arguments.example("runnel convert model.gguf -o model.rnl");
  arguments.example("runnel convert Qwen3-0.6B/ -o qwen3.rnl --weights q8");
  arguments.runs([options] { return run(*options); });
}

}  // namespace runnel::tools
