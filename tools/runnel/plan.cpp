// runnel plan: what a model and its sessions will take, from the header alone.
#include <memory>

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

void add_plan(CLI::App& app, Chosen& chosen) {
  auto options = std::make_shared<Options>();
  CLI::App* sub = app.add_subcommand("plan", "The memory a model will take, and the longest context that fits");
  add_model_options(*sub, options->model);
  sub->add_option("--sessions", options->model.sessions, "Sessions open at the same time")->capture_default_str();
  sub->add_flag("--json", options->json, "Print one JSON object");
  sub->callback([options, &chosen] { chosen.run = [options] { return run(*options); }; });
}

}  // namespace runnel::tools
