// Options that every subcommand with a model shares, and what is printed of a model.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "runnel/model.h"
#include "runnel/plan.h"
#include "tools/runnel/command.h"

namespace runnel::tools {

struct ModelOptions {
  std::string path, device = "cpu", isa, budget, kv = "auto", kv_keys, kv_values, weights_mode = "auto",
                    verify = "lazy", float_backend = "own";
  uint32_t threads = 0, context = 0, sessions = 1, sync_sessions = 0, step_tokens = 0, submission_ms = 0,
           logits_rows = 1;
  uint64_t kv_tokens = 0;
  std::string activations = "auto";
  bool share_prefixes = true, yielding = false;
  float pace = 0;
};

// MODEL itself.
void add_model(Arguments& arguments, ModelOptions& options);
// The options that all share, under a title of their own: after the subcommand's. bench has --threads of its own.
void add_model_options(Arguments& arguments, ModelOptions& options, bool with_threads = true);
// What the options ask for; `unsupported` and `invalid_argument` name the option.
Result<OpenOptions> open_options(const ModelOptions& options);
Result<Model> open_model(const ModelOptions& options);

// The JSON contract's "model" object: name, hash, weights.
nlohmann::ordered_json model_json(const ModelInfo& info);
nlohmann::ordered_json plan_json(const MemoryPlan& plan);
// Where the nodes of the graph run: rows of what, nodes, on_device, why.
nlohmann::ordered_json placement_json(const Model& model);
// The same for a person, on standard error; nothing for a model that was opened on the CPU alone.
void print_placement(const Model& model);
const char* weights_mode_name(WeightsMode mode);  // as --weights-mode has it
void print_plan(const MemoryPlan& plan);

}  // namespace runnel::tools
