// runnel plan: what a model and its sessions will take, from the header alone.
#include <memory>

#include "tools/runnel/json_output.h"
#include "tools/runnel/model_options.h"

namespace runnel::tools {
namespace {

struct Options {
  ModelOptions model;
  bool json = false;
};

Status run(const Options& options) {
  RUNNEL_ASSIGN(const OpenOptions open, open_options(options.model));
  RUNNEL_ASSIGN(const MemoryPlan plan, plan_model(options.model.path.c_str(), open));
  if (options.json) {
    print_json(plan_json(plan));
  } else {
    print_plan(plan);
  }
  return {};
}

}  // namespace

void add_plan(Parser& parser) {
  auto options = std::make_shared<Options>();
  Arguments arguments = parser.subcommand("plan", "The memory a model will take, and the longest context that fits");
  add_model(arguments, options->model);
  arguments.add("--sessions", &options->model.sessions, "N", "Sessions open at the same time").show_default();
  arguments.flag("--json", &options->json, "Print one JSON object");
  add_model_options(arguments, options->model);
  arguments.example("runnel plan model.rnl --budget 600M     which context fits into 600 MB beside the weights");
  arguments.runs([options] { return run(*options); });
}

}  // namespace runnel::tools
