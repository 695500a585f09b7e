// runnel convert: a GGUF file or a Hugging Face folder becomes a model file.
#include "converters/convert.h"

#include <memory>

#include "graph/file/model_file.h"
#include "kernels/cpu_topology.h"
#include "runtime/pool/worker_pool.h"
#include "tools/runnel/command.h"
#include "tools/runnel/progress.h"
#include "tools/runnel/size_text.h"
#include "tools/runnel/verified_files.h"

namespace runnel::tools {
namespace {

struct Options {
  std::string input, output, weights = "auto", shard_size, name, sign_key;
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
  const size_t shown = std::min<size_t>(report.tensors.size(), options.worst);
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

void add_convert(CLI::App& app, Chosen& chosen) {
  auto options = std::make_shared<Options>();
  CLI::App* sub = app.add_subcommand("convert", "Make a model file from a GGUF file or a Hugging Face folder");
  sub->add_option("input", options->input, "GGUF file (the first of a split set) or folder with config.json")
      ->required();
  sub->add_option("-o,--output", options->output, "Model file to write (.rnl)")->required();
  sub->add_option("--weights", options->weights,
                  "Storage of the weights. auto: keep for a quantised source, q4 (embedding and output q8) for a float "
                  "one. keep: every tensor stays what it is")
      ->check(CLI::IsMember({"auto", "f32", "f16", "q8", "q4", "keep"}))
      ->capture_default_str();
  sub->add_option("--shard-size", options->shard_size, "Split into files of at most this size (for example 50M)");
  sub->add_option("--name", options->name, "The model's name (default: the source's)");
  sub->add_option("--sign-key", options->sign_key,
                  "Sign the model by this Ed25519 private key (PEM; openssl genpkey -algorithm ed25519)");
  sub->add_flag("--no-template", options->no_template, "Leave the chat template out (else one that fails is an error)");
  sub->add_option("--threads", options->threads, "Worker threads (default: as the machine recommends)");
  sub->add_option("--worst", options->worst, "How many tensors the error table shows")->capture_default_str();
  sub->add_flag("--json", options->json, "Print one JSON object");
  sub->add_flag("-q,--quiet", options->quiet, "No progress bar");
  sub->callback([options, &chosen] { chosen.run = [options] { return run(*options); }; });
}

}  // namespace runnel::tools
