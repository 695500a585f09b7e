// runnel eval: perplexity, divergence from a reference model, exact match on a task.
#include <memory>

#include "runtime/eval/perplexity.h"
#include "runtime/eval/queries.h"
#include "tools/runnel/json_output.h"
#include "tools/runnel/model_options.h"
#include "tools/runnel/progress.h"
#include "tools/runnel/text_input.h"

namespace runnel::tools {
namespace {

struct Options {
  ModelOptions model;
  std::string text, reference, queries;
  uint64_t bytes = 0;
  uint32_t chunks = 0, max_tokens = 256;
  bool json = false;
};

Status eval_text(const Options& options) {
  RUNNEL_ASSIGN(std::string text, read_file("eval", options.text));
  if (options.bytes != 0 && text.size() > options.bytes) text.resize(options.bytes);
  ModelOptions model_options = options.model;
  if (model_options.context == 0) model_options.context = 512;
  RUNNEL_ASSIGN(const Model model, open_model(model_options));
  std::optional<Model> reference;
  if (!options.reference.empty()) {
    ModelOptions reference_options = model_options;
    reference_options.path = options.reference;
    reference_options.kv = "auto";  // what the model's own storage of keys and values costs is part of the divergence
    reference_options.kv_keys = reference_options.kv_values = "";
    RUNNEL_ASSIGN(reference, open_model(reference_options));
  }
  Progress progress("eval", options.json);
  const auto on_progress = [&](uint64_t done, uint64_t total) { progress.update(done, total, "chunks"); };
  PerplexityOptions perplexity;
  perplexity.context = model_options.context;
  perplexity.max_chunks = options.chunks;
  perplexity.progress = on_progress;
  RUNNEL_ASSIGN(const PerplexityResult result,
                measure_perplexity(model, reference ? &*reference : nullptr, text, perplexity));
  Json json = {{"perplexity", result.perplexity}, {"tokens", result.tokens}, {"chunks", result.chunks}};
  if (reference) {
    json["kl_mean"] = result.kl_mean;
    json["kl_p99"] = result.kl_p99;
    json["top1_agreement"] = result.top1_agreement;
  }
  json["model"] = model_json(model.info());
  if (options.json) {
    print_json(json);
    return {};
  }
  std::printf("perplexity %.4f over %llu tokens (%u chunks of %u, second half scored)\n", result.perplexity,
              static_cast<unsigned long long>(result.tokens), result.chunks, model_options.context);
  if (reference)
    std::printf("divergence from %s: mean %.3g nats, 99th percentile %.3g, same likeliest token %.2f%%\n",
                options.reference.c_str(), result.kl_mean, result.kl_p99, 100 * result.top1_agreement);
  return {};
}

// Lines of {"query": ..., "filter": ...}; blank lines are passed over.
Status read_queries(const std::string& path, std::vector<std::pair<std::string, std::string>>* rows) {
  RUNNEL_ASSIGN(const std::string text, read_file("eval", path));
  size_t number = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line(text.data() + at, end - at);
    at = end + 1;
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const Json row = Json::parse(line, nullptr, false);
    if (!row.is_object() || !row.contains("query") || !row["query"].is_string() || !row.contains("filter") ||
        !row["filter"].is_string())
      return Status::error(Code::invalid_argument, "eval: %s line %zu is not an object with text in query and filter",
                           path.c_str(), number);
    std::string query = row["query"];
    query.erase(0, query.find_first_not_of(" \t\r\n"));
    query.erase(query.find_last_not_of(" \t\r\n") + 1);
    rows->emplace_back(Json::array({Json{{"role", "user"}, {"content", query}}}).dump(), row["filter"]);
  }
  if (rows->empty()) return Status::error(Code::invalid_argument, "eval: %s has no queries", path.c_str());
  return {};
}

Status eval_queries(const Options& options) {
  std::vector<std::pair<std::string, std::string>> rows;
  RUNNEL_TRY(read_queries(options.queries, &rows));
  std::vector<Query> queries;
  for (const auto& [messages, expected] : rows) queries.push_back({messages, expected});
  RUNNEL_ASSIGN(const Model model, open_model(options.model));
  Progress progress("eval", options.json);
  const auto on_progress = [&](uint32_t done, uint32_t total) { progress.update(done, total, "queries"); };
  QueriesOptions query_options;
  query_options.max_tokens = options.max_tokens;
  query_options.progress = on_progress;
  RUNNEL_ASSIGN(const QueriesResult result, measure_queries(model, queries, query_options));
  if (options.json) {
    print_json({{"exact", result.exact}, {"total", result.total}, {"model", model_json(model.info())}});
  } else {
    std::printf("%u of %u answers exact: %.1f%%\n", result.exact, result.total, 100.0 * result.exact / result.total);
  }
  return {};
}

Status run(const Options& options) {
  if (!options.text.empty()) return eval_text(options);
  if (!options.queries.empty()) return eval_queries(options);
  return Status::error(Code::invalid_argument, "eval: nothing to measure; give --text FILE or --queries FILE");
}

}  // namespace

void add_eval(Parser& parser) {
  auto options = std::make_shared<Options>();
  options->model.logits_rows = 64;
  Arguments arguments = parser.subcommand("eval", "Quality: perplexity, divergence from a reference, exact match");
  add_model(arguments, options->model);
  arguments.group("What to measure");
  const Option text = arguments.add("--text", &options->text, "FILE",
                                    "Perplexity of this text, in chunks of --context tokens (default 512), the second "
                                    "half of each scored");
  arguments.add("--bytes", &options->bytes, "N", "Only the first bytes of the text");
  arguments.add("--chunks", &options->chunks, "N", "Only the first chunks");
  arguments
      .add("--reference", &options->reference, "FILE",
           "Model file to compare with on the text: Kullback-Leibler divergence, and how often the likeliest token "
           "agrees; its keys and values are stored as --kv auto has it")
      .needs(text);
  arguments
      .add("--queries", &options->queries, "FILE",
           "Answers that must match exactly: lines of {\"query\": ..., \"filter\": ...}")
      .excludes(text);
  arguments.add("--max-tokens", &options->max_tokens, "N", "Longest answer to a query").show_default();
  arguments.flag("--json", &options->json, "Print one JSON object");
  add_model_options(arguments, options->model);
  arguments.example("runnel eval model-q4.rnl --text book.txt --reference model-f32.rnl");
  arguments.runs([options] { return run(*options); });
}

}  // namespace runnel::tools
