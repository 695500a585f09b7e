#include "converters/convert.h"

#include <algorithm>
#include <chrono>
#include <filesystem>

#include "converters/golden.h"
#include "converters/guard.h"
#include "converters/quantise/pack_tensor.h"
#include "converters/recipe/recipe.h"
#include "converters/source/source_hash.h"
#include "converters/source/weight_source.h"
#include "converters/text.h"
#include "graph/file/model_writer.h"
#include "runtime/os/memory_figures.h"

namespace runnel {
namespace {

namespace fs = std::filesystem;

const char* label_of(WeightsOut weights) {
  switch (weights) {
    case WeightsOut::f32: return "f32";
    case WeightsOut::f16: return "f16";
    case WeightsOut::q8: return "q8";
    case WeightsOut::q4: return "q4";
    case WeightsOut::keep: return "keep";
    case WeightsOut::automatic: break;
  }
  return "auto";
}

// automatic: a source with quantised matrices keeps them, a float one becomes q4.
Result<WeightsOut> settle_weights(const WeightSource& source, WeightsOut wanted) {
  if (wanted != WeightsOut::automatic) return wanted;
  for (const std::string& name : source.tensor_names()) {
    RUNNEL_ASSIGN(const SourceTensor* tensor, source.find(name));
    if (tensor != nullptr && tensor->type != nullptr && tensor->rows > 1 && tensor->type->group > 1)
      return WeightsOut::keep;
  }
  return WeightsOut::q4;
}

Status check_paths(const ConvertOptions& options) {
  if (options.input.empty() || options.output.empty())
    return Status::error(Code::invalid_argument, "convert: no %s given", options.input.empty() ? "input" : "output");
  std::error_code error;
  if (fs::is_directory(options.output, error))
    return Status::error(Code::invalid_argument, "convert: the output %s is a folder", options.output.c_str());
  return {};
}

Status check_not_a_source(const ConvertOptions& options, const WeightSource& source) {
  std::error_code error;
  const fs::path input = options.input;
  const fs::path folder = fs::is_directory(input, error) ? input : input.parent_path();
  for (const SourceFile& file : source.files())
    if (fs::equivalent(folder / file.name, options.output, error))
      return Status::error(Code::invalid_argument, "convert: the output %s is the input", options.output.c_str());
  return {};
}

// What the model file says about where it came from. Texts live here, the spec borrows them.
class Provenance {
 public:
  void add(std::string key, std::string value) { entries_.emplace_back(std::move(key), std::move(value)); }
  std::vector<KeyValue> views() const {
    std::vector<KeyValue> out;
    for (const auto& [key, value] : entries_) out.push_back({key, value});
    return out;
  }

 private:
  std::vector<std::pair<std::string, std::string>> entries_;
};

Provenance early_provenance(const ConvertOptions& options, const WeightSource& source, WeightsOut weights) {
  Provenance out;
  out.add("converter", "runnel " RUNNEL_VERSION);
  out.add("option.weights", label_of(weights));
  if (options.no_template) out.add("option.no_template", "true");
  out.add("source.format", std::string(source.format()));
  const std::vector<SourceFile> files = source.files();
  for (size_t i = 0; i < files.size(); ++i) {
    out.add("source." + std::to_string(i) + ".name", files[i].name);
    out.add("source." + std::to_string(i) + ".bytes", std::to_string(files[i].bytes.size()));
  }
  return out;
}

// The model's tensors, one after the other, into the writer.
class Streamer {
 public:
  Streamer(const ConvertOptions& options, const ModelPlan& plan, ModelWriter& writer, ConvertReport* report,
           uint64_t buffer_bytes)
      : options_(options), plan_(plan), writer_(writer), report_(report), buffer_bytes_(buffer_bytes) {
    for (const GraphBuilder::WeightSource& source : plan.sources)
      for (uint32_t part : source.parts) total_ += bytes_of(plan.weights[part]);
  }

  Status run() {
    for (uint32_t i = 0; i < plan_.graph.tensors.size(); ++i) RUNNEL_TRY(pack(i));
    if (values_ > 0) report_->bits_per_weight = 8.0 * static_cast<double>(packed_bytes_) / static_cast<double>(values_);
    std::stable_sort(report_->tensors.begin(), report_->tensors.end(),
                     [](const auto& a, const auto& b) { return a.relative_rms > b.relative_rms; });
    return {};
  }
  std::span<const TensorError> errors() const { return errors_; }

 private:
  static uint64_t bytes_of(const PlannedWeight& weight) {
    return weight.tensor == nullptr ? 0 : weight.tensor->row_bytes * weight.tensor->rows;
  }

  Status pack(uint32_t index) {
    const TensorDesc& desc = plan_.graph.tensors[index];
    std::vector<const PlannedWeight*> parts;
    ConvertedTensor converted;
    for (uint32_t part : plan_.sources[index].parts) {
      parts.push_back(&plan_.weights[part]);
      const std::string type = parts.back()->tensor == nullptr ? "constant" : parts.back()->tensor->type_name;
      if (converted.from.find(type) == std::string::npos) converted.from += (converted.from.empty() ? "" : "+") + type;
      converted.bytes_in += bytes_of(*parts.back());
    }
    PackJob job;
    job.desc = &desc;
    job.parts = parts;
    job.workers = options_.workers != nullptr ? options_.workers : &serial_;
    job.source_is_mapped = true;
    job.buffer_bytes = buffer_bytes_;
    job.cancel = options_.cancel;
    job.write = [&](std::span<const uint8_t> bytes) { return writer_.write(index, bytes); };
    job.advanced = [&](uint64_t bytes) {
      done_ += bytes;
      if (options_.progress != nullptr) options_.progress(options_.progress_context, done_, total_, desc.name);
    };
    RUNNEL_ASSIGN(const PackError error, pack_tensor(job));
    converted.name = desc.name;
    converted.to = dtype_info(desc.dtype).name;
    converted.bytes_out = desc.bytes;
    converted.relative_rms = error.relative_rms();
    errors_.push_back({index, static_cast<float>(converted.relative_rms)});
    report_->tensors.push_back(std::move(converted));
    packed_bytes_ += desc.bytes;
    values_ += uint64_t{desc.rows} * desc.cols;
    return {};
  }

  const ConvertOptions& options_;
  const ModelPlan& plan_;
  ModelWriter& writer_;
  ConvertReport* report_;
  const uint64_t buffer_bytes_;
  SerialFor serial_;
  std::vector<TensorError> errors_;
  uint64_t total_ = 0, done_ = 0, packed_bytes_ = 0, values_ = 0;
};

// The texts of a model file beside its weights; the spec's views borrow from here.
struct Texts {
  TokenizerSource tokenizer;
  GoldenVectors golden;
  std::vector<SectionData> sections;
  std::vector<GoldenText> texts;
  std::vector<GoldenChat> chats;

  void borrow() {
    sections.push_back({"tokenizer", tokenizer.tables});
    for (const GoldenVectors::Text& text : golden.texts) texts.push_back({text.text, text.ids});
    for (const GoldenVectors::Chat& chat : golden.chats) chats.push_back({chat.messages_json, chat.rendered});
  }
};

Status read_texts(const ConvertOptions& options, const WeightSource& source, uint32_t vocab, Texts* out,
                  std::vector<std::string>* notes) {
  RUNNEL_ASSIGN(out->tokenizer, source.tokenizer());
  if (options.no_template && !out->tokenizer.chat_template.empty()) {
    notes->push_back("the chat template was left out, as asked");
    out->tokenizer.chat_template.clear();
  }
  if (out->tokenizer.chat_template.empty() && !options.no_template) notes->push_back("the source has no chat template");
  RUNNEL_ASSIGN(out->golden, make_golden(out->tokenizer, !out->tokenizer.chat_template.empty(), notes));
  if (out->golden.vocab_size > vocab)
    return Status::error(Code::corrupt_file, "convert: the tokenizer has %u tokens, the embedding table only %u rows",
                         out->golden.vocab_size, vocab);
  if (out->golden.vocab_size < vocab)
    notes->push_back("the embedding table has " + std::to_string(vocab) + " rows for " +
                     std::to_string(out->golden.vocab_size) + " tokens; the others have no text");
  if (out->tokenizer.end_ids.empty()) notes->push_back("the source names no end-of-generation token");
  for (int32_t id : out->tokenizer.end_ids)
    if (id < 0 || static_cast<uint32_t>(id) >= vocab)
      return Status::error(Code::corrupt_file, "convert: end-of-generation id %d is not in the vocabulary of %u", id,
                           vocab);
  out->borrow();
  return {};
}

// What a budget leaves for the weights' buffers, now that all else is there; 0: no limit.
Result<uint64_t> left_for_buffers(uint64_t budget) {
  if (budget == 0) return uint64_t{0};
  constexpr uint64_t kReserve = 1 << 20;  // the writer's and the hashing's own
  const uint64_t taken = process_memory().anonymous_bytes + kReserve;
  if (taken < budget) return budget - taken;
  return Status::error(
      Code::over_budget,
      "convert: metadata and tokenizer take %.1f MB, the budget is %.1f MB, and the weights come on top",
      static_cast<double>(taken) / 1e6, static_cast<double>(budget) / 1e6);
}

Status convert_checked(const ConvertOptions& options, ConvertReport* report) {
  const auto start = std::chrono::steady_clock::now();
  RUNNEL_TRY(check_paths(options));
  RUNNEL_ASSIGN(const std::unique_ptr<WeightSource> source, open_source(options.input));
  RUNNEL_TRY(check_not_a_source(options, *source));
  const std::string architecture = source->architecture();
  const ModelArch* arch = find_arch(architecture);
  if (arch == nullptr)
    return Status::error(Code::unsupported, "convert: unknown architecture %s (known: %s)",
                         in_quotes(architecture).c_str(), arch_names().c_str());
  report->architecture = arch->name;
  RUNNEL_ASSIGN(const HParams hparams, source->hparams(*arch, &report->notes));
  RUNNEL_ASSIGN(const WeightsOut weights, settle_weights(*source, options.weights));
  RUNNEL_ASSIGN(const ModelPlan plan, plan_model(*arch, hparams, *source, weights));
  Texts texts;
  RUNNEL_TRY(read_texts(options, *source, hparams.vocab, &texts, &report->notes));

  const std::string name = options.name.empty() ? source->model_name() : options.name;
  const Provenance provenance = early_provenance(options, *source, weights);
  const std::vector<KeyValue> provenance_views = provenance.views();
  ModelSpec spec;
  spec.graph = &plan.graph;
  spec.name = name;
  spec.architecture = arch->name;
  spec.weights_label = label_of(weights);
  spec.chat_template = texts.tokenizer.chat_template;
  spec.context_length = hparams.context_length;
  spec.vocab_size = hparams.vocab;
  spec.end_ids = texts.tokenizer.end_ids;
  spec.sections = texts.sections;
  spec.golden_texts = texts.texts;
  spec.golden_chats = texts.chats;
  spec.provenance = provenance_views;
  WriterOptions writer_options;
  writer_options.shard_bytes = options.shard_bytes;
  if (!options.signing_key.empty()) writer_options.signing_key = options.signing_key.c_str();
  RUNNEL_ASSIGN(ModelWriter writer, ModelWriter::create(options.output.c_str(), spec, writer_options));

  SourceHash hash(source->files());
  RUNNEL_ASSIGN(const uint64_t buffer_bytes, left_for_buffers(options.budget_bytes));
  Streamer streamer(options, plan, writer, report, buffer_bytes);
  RUNNEL_TRY(streamer.run());
  RUNNEL_ASSIGN(const std::vector<std::string> digests, hash.wait(options.cancel));
  Provenance late;
  for (size_t i = 0; i < digests.size(); ++i) late.add("source." + std::to_string(i) + ".sha256", digests[i]);
  RUNNEL_TRY(writer.finish(streamer.errors(), late.views()));

  for (const SourceFile& file : source->files()) report->bytes_in += file.bytes.size();
  report->bytes_out = writer.bytes_written();
  report->seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return {};
}

}  // namespace

Status convert(const ConvertOptions& options, ConvertReport* report) noexcept {
  return guarded("convert", [&]() -> Status {
    ConvertReport unwanted;
    return convert_checked(options, report != nullptr ? report : &unwanted);
  });
}

}  // namespace runnel
