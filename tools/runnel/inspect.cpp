// runnel inspect: what is in a model file.
#include <memory>

#include "graph/file/model_file.h"
#include "graph/file/print.h"
#include "tools/runnel/command.h"
#include "tools/runnel/json_output.h"

namespace runnel::tools {
namespace {

struct Options {
  std::string path;
  bool graph = false, tensors = false, dot = false, chat_template = false, json = false;
};

Json tensors_json(const Graph& graph) {
  Json rows = Json::array();
  for (const TensorDesc& t : graph.tensors)
    rows.push_back({{"name", t.name},
                    {"type", dtype_info(t.dtype).name},
                    {"rows", t.rows},
                    {"cols", t.cols},
                    {"offset", t.offset},
                    {"bytes", t.bytes}});
  return rows;
}

Status run(const Options& options) {
  RUNNEL_ASSIGN(const ModelFile file, ModelFile::open(options.path.c_str(), {.verify = Verify::off}));
  if (options.json) {
    print_json({{"name", std::string(file.name())},
                {"architecture", std::string(file.architecture())},
                {"weights", std::string(file.weights_label())},
                {"hash", std::string(file.hash_hex())},
                {"file_bytes", file.file_bytes()},
                {"header_bytes", file.header_bytes()},
                {"context_length", file.context_length()},
                {"vocab_size", file.vocab_size()},
                {"end_ids", std::vector<int32_t>(file.end_ids().begin(), file.end_ids().end())},
                {"chat_template", std::string(file.chat_template())},
                {"tensors", tensors_json(file.graph())}});
    return {};
  }
  Array<char> text;
  if (options.chat_template) {
    if (!text.append(file.chat_template())) return out_of_memory("inspect", "the template");
  } else if (options.dot) {
    RUNNEL_TRY(print_dot(file, &text));
  } else if (options.graph) {
    RUNNEL_TRY(print_graph(file, &text));
  } else if (options.tensors) {
    RUNNEL_TRY(print_tensors(file, &text));
  } else {
    RUNNEL_TRY(print_summary(file, &text));
  }
  std::fwrite(text.data(), 1, text.size(), stdout);
  return {};
}

}  // namespace

void add_inspect(Parser& parser) {
  auto options = std::make_shared<Options>();
  Arguments arguments = parser.subcommand("inspect", "What is in a model file");
  arguments.add("model", &options->path, "FILE", "Model file (.rnl; of shards the first)").required();
  arguments.flag("--tensors", &options->tensors, "Every tensor: type, shape, place, error of quantisation");
  arguments.flag("--graph", &options->graph, "Every node of the graph");
  arguments.flag("--dot", &options->dot, "The graph for Graphviz");
  arguments.flag("--template", &options->chat_template, "The chat template");
  arguments.flag("--json", &options->json, "Print one JSON object");
  arguments.example("runnel inspect model.rnl --dot | dot -Tsvg > model.svg");
  arguments.runs([options] { return run(*options); });
}

}  // namespace runnel::tools
