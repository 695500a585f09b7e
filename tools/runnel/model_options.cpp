#include "tools/runnel/model_options.h"

#include "graph/file/model_file.h"
#include "kernels/isa.h"
#include "runnel/vulkan.h"
#include "runtime/devices/device_text.h"
#include "tools/runnel/cache_folder.h"
#include "tools/runnel/json_output.h"
#include "tools/runnel/size_text.h"
#include "tools/runnel/verified_files.h"

namespace runnel::tools {

void add_model(Arguments& arguments, ModelOptions& options) {
  arguments.add("model", &options.path, "FILE", "Model file (.rnl), made by runnel convert; of shards the first")
      .required();
}

void add_model_options(Arguments& arguments, ModelOptions& options, bool with_threads) {
  arguments.group("Memory and machine");
  arguments.add("--context", &options.context, "N", "Tokens a session can hold; without it, the longest that fits");
  arguments.add("--budget", &options.budget, "SIZE",
                "Most private memory, for example 640M; without it, what the machine has free");
  arguments.add("--kv-tokens", &options.kv_tokens, "N",
                "Tokens that all sessions hold together, shared ones once; without it, room for each one's context");
  if (with_threads)
    arguments.add("--threads", &options.threads, "N", "Threads of a step; without it, what suits the machine");
  arguments
      .add("--kv", &options.kv, "TYPE",
           "Storage of keys and values: floats of 32 or 16 bits, or 8 or 4 bits with a scale for each 32 (keys of "
           "heads shorter than that are q8 at least). auto: "
           "f32 for a model converted with --weights f32, so that the reference has no rounding of its own, f16 for "
           "all others")
      .choices({"auto", "f32", "f16", "q8", "q4"})
      .show_default();
  arguments.add("--kv-keys", &options.kv_keys, "TYPE", "Storage of keys alone; without it, what --kv says")
      .choices({"f32", "f16", "q8", "q4"});
  arguments.add("--kv-values", &options.kv_values, "TYPE", "Storage of values alone; without it, what --kv says")
      .choices({"f32", "f16", "q8", "q4"});
  arguments
      .add("--activations", &options.activations, "TYPE",
           "What is multiplied with quantised weights: 8-bit or 16-bit integers or floats, finer being slower and "
           "closer to the float model. auto: as the file asks (q16 for --weights q8, else q8)")
      .choices({"auto", "q8", "q16", "f32"})
      .show_default();
  arguments
      .add("--weights-mode", &options.weights_mode, "MODE",
           "How weights reach memory: pages of the file, a locked private copy, or read as they are used but for what "
           "the "
           "budget has room for. auto: mapped when the machine can hold the file beside the budget, else streamed")
      .choices({"auto", "mapped", "resident", "streamed"})
      .show_default();
  arguments
      .add("--verify", &options.verify, "WHEN",
           "When the weights' hashes are checked: while they are used, before, or never")
      .choices({"lazy", "eager", "off"})
      .show_default();
  arguments
      .add("--device", &options.device, "DEVICE",
           "Where to compute: cpu; vulkan, or vulkan:N or vulkan:UUID for one of `runnel devices`; auto: a GPU where "
           "one "
           "can be used and is faster")
      .show_default();
  arguments.add(
      "--submission-ms", &options.submission_ms, "N",
      "About how long a device computes before it is asked again whether to stop, at most 1000; without it, 8");
  arguments.add("--float-backend", &options.float_backend, "NAME", "Float products by our kernels or by XNNPACK")
      .choices({"own", "xnnpack"})
      .show_default();
  arguments.add("--isa", &options.isa, "NAME",
                "Use kernels of this instruction set at most: scalar, avx2, avxvnni, avx512vnni, neon, "
                "neon_dotprod, neon_i8mm");
  arguments.flag("--background", &options.yielding,
                 "Leave one core at least to others, and let whoever waits for a core have it");
  arguments.add("--pace", &options.pace, "N", "Most tokens a second that a generation gives; without it, no limit");
  arguments.add("--step-tokens", &options.step_tokens, "N", "Longest slice of a prompt computed at once");
}

namespace {

// What an option says of the storage of keys or values; where it says nothing, `otherwise`.
KvType kv_type(const std::string& name, KvType otherwise) {
  if (name.empty() || name == "auto") return otherwise;
  return name == "f32" ? KvType::f32 : name == "q8" ? KvType::q8 : name == "q4" ? KvType::q4 : KvType::f16;
}

// As --kv has it.
const char* kv_type_name(KvType type) {
  switch (type) {
    case KvType::f32: return "f32";
    case KvType::q8: return "q8";
    case KvType::q4: return "q4";
    default: return "f16";
  }
}

Result<KvTypes> kv_types(const ModelOptions& options) {
  KvType both = KvType::f16;
  if (options.kv == "auto" && (options.kv_keys.empty() || options.kv_values.empty())) {
    RUNNEL_ASSIGN(const ModelFile file, ModelFile::open(options.path.c_str(), {.verify = Verify::off}));
    if (file.weights_label() == "f32") both = KvType::f32;
  }
  both = kv_type(options.kv, both);
  return KvTypes(kv_type(options.kv_keys, both), kv_type(options.kv_values, both));
}

// `open` borrows from the options.
Status choose_back_end(const ModelOptions& options, OpenOptions* open) {
  RUNNEL_TRY(read_device(options.device.c_str(), &vulkan_back_end(), open));
  if (open->back_end == nullptr) return {};
  static const std::string folder = cache_folder("devices");
  if (!folder.empty()) open->cache_folder = folder.c_str();
  return {};
}

}  // namespace

Result<OpenOptions> open_options(const ModelOptions& options) {
  OpenOptions open;
  RUNNEL_TRY(choose_back_end(options, &open));
  RUNNEL_ASSIGN(open.kv, kv_types(options));
  if (!options.budget.empty() && (!parse_size(options.budget, &open.budget_bytes) || open.budget_bytes == 0))
    return Status::error(Code::invalid_argument, "budget: %s is not a size (try 640M)", options.budget.c_str());
  open.weights_mode = options.weights_mode == "mapped"     ? WeightsMode::mapped
                      : options.weights_mode == "resident" ? WeightsMode::resident
                      : options.weights_mode == "streamed" ? WeightsMode::streamed
                                                           : WeightsMode::automatic;
  open.verify = options.verify == "eager" ? Verify::eager : options.verify == "off" ? Verify::off : Verify::lazy;
  open.float_backend = options.float_backend == "xnnpack" ? FloatBackend::xnnpack : FloatBackend::own;
  open.activations = options.activations == "q8"    ? Activations::q8
                     : options.activations == "q16" ? Activations::q16
                     : options.activations == "f32" ? Activations::f32
                                                    : Activations::automatic;
  open.context_tokens = options.context;
  open.sessions = options.sessions;
  open.sync_sessions = options.sync_sessions;
  open.kv_tokens = options.kv_tokens;
  open.share_prefixes = options.share_prefixes;
  open.threads = options.threads;
  open.max_step_tokens = options.step_tokens;
  open.submission_ms = options.submission_ms;
  open.max_logits_rows = options.logits_rows;
  open.isa = options.isa.empty() ? nullptr : options.isa.c_str();
  return open;
}

Result<Model> open_model(const ModelOptions& options) {
  RUNNEL_ASSIGN(OpenOptions open, open_options(options));
  const std::string trusted = open.verify == Verify::lazy ? verified_fingerprint(options.path) : std::string();
  open.trusted_fingerprint = trusted.c_str();
  RUNNEL_ASSIGN(Model model, Model::open(options.path.c_str(), open));
  RUNNEL_TRY(model.set_effort({.yielding = options.yielding, .tokens_per_second = options.pace}));
  return model;
}

Json model_json(const ModelInfo& info) {
  return {{"name", std::string(info.name)}, {"hash", std::string(info.hash)}, {"weights", std::string(info.weights)}};
}

Json placement_json(const Model& model) {
  Json rows = Json::array();
  for (const PlacementRow& row : model.placement())
    rows.push_back({{"what", row.what}, {"nodes", row.nodes}, {"on_device", row.on_device}, {"why", row.why}});
  return rows;
}

void print_placement(const Model& model) {
  if (!model.info().device_note.empty()) {
    std::fprintf(stderr, "on the CPU: %.*s\n", static_cast<int>(model.info().device_note.size()),
                 model.info().device_note.data());
  }
  uint32_t there = 0;
  for (const PlacementRow& row : model.placement()) there += row.on_device ? row.nodes : 0;
  if (model.placement().empty()) return;
  std::fprintf(stderr, "%u nodes on %.*s\n", there, static_cast<int>(model.info().device.size()),
               model.info().device.data());
  for (const PlacementRow& row : model.placement())
    if (row.why[0] != '\0')
      std::fprintf(stderr, "%u on the %s, %s: %s\n", row.nodes, row.on_device ? "device" : "CPU", row.what, row.why);
}

const char* weights_mode_name(WeightsMode mode) {
  switch (mode) {
    case WeightsMode::resident: return "resident";
    case WeightsMode::streamed: return "streamed";
    default: return "mapped";
  }
}

Json plan_json(const MemoryPlan& plan) {
  Json classes = Json::object();
  for (uint32_t i = 0; i < plan.class_count; ++i) classes[plan.classes[i].name] = plan.classes[i].bytes;
  return {{"total_bytes", plan.total_bytes},
          {"private_bytes", plan.private_bytes},
          {"mapped_bytes", plan.mapped_bytes},
          {"classes", classes},
          {"max_context", plan.max_context},
          {"max_sessions", plan.max_sessions},
          {"context", plan.context_tokens},
          {"sessions", plan.sessions},
          {"budget_bytes", plan.budget_bytes},
          {"budget_given", plan.budget_given},
          {"trained_context", plan.trained_context},
          {"threads", plan.threads},
          {"max_step_tokens", plan.max_step_tokens},
          {"kv_keys", kv_type_name(plan.kv.keys)},
          {"kv_values", kv_type_name(plan.kv.values)},
          {"kv_why", plan.kv_why},
          {"context_why", plan.context_why},
          {"step_why", plan.step_why},
          {"over_class", plan.over_class},
          {"weights_mode", weights_mode_name(plan.weights_mode)},
          {"weights_locked", plan.weights_locked},
          {"weights_note", plan.weights_note},
          {"streamed_bytes", plan.streamed_bytes},
          {"fits", plan.fits}};
}

void print_plan(const MemoryPlan& plan) {
  std::printf("%-14s %14s  %s\n", "class", "bytes", "kind");
  for (uint32_t i = 0; i < plan.class_count; ++i) {
    const MemoryClass& row = plan.classes[i];
    std::printf("%-14s %14llu  %s\n", row.name, static_cast<unsigned long long>(row.bytes),
                row.is_private ? "private" : "clean pages of the file");
  }
  std::printf("%-14s %14llu  %s of a budget of %s%s\n", "private", static_cast<unsigned long long>(plan.private_bytes),
              format_size(plan.private_bytes).c_str(), format_size(plan.budget_bytes).c_str(),
              plan.budget_given ? "" : " (what this machine has free)");
  std::printf("%-14s %14llu  %s\n", "mapped", static_cast<unsigned long long>(plan.mapped_bytes),
              format_size(plan.mapped_bytes).c_str());
  std::printf("weights %s%s%s\n", weights_mode_name(plan.weights_mode), plan.weights_note[0] == '\0' ? "" : ": ",
              plan.weights_note);
  std::printf("keys %s, values %s%s%s\n", kv_type_name(plan.kv.keys), kv_type_name(plan.kv.values),
              plan.kv_why[0] == '\0' ? "" : ": ", plan.kv_why);
  std::printf("context %u of %u trained (%s), steps of %u (%s), %u session%s, %u thread%s: ", plan.context_tokens,
              plan.trained_context, plan.context_why, plan.max_step_tokens, plan.step_why, plan.sessions,
              plan.sessions == 1 ? "" : "s", plan.threads, plan.threads == 1 ? "" : "s");
  if (plan.fits) {
    std::printf("fits\n");
  } else {
    std::printf("does not fit, %s is too much\n", plan.over_class);
  }
  std::printf("longest context that fits: %u tokens; most sessions of %u tokens: %u\n", plan.max_context,
              plan.context_tokens, plan.max_sessions);
}

}  // namespace runnel::tools
