#include "runtime/model/planner.h"

#include <algorithm>
#include <cstdio>

#include "graph/back_end.h"
#include "graph/cpu/kv_layout.h"
#include "kernels/attention/kv_block.h"
#include "kernels/base/checked.h"
#include "kernels/base/memory.h"
#include "kernels/cpu_topology.h"
#include "runtime/devices/choose.h"
#include "runtime/kv/page_table.h"
#include "runtime/model/model_state.h"
#include "runtime/os/locked_pages.h"
#include "runtime/os/memory_figures.h"
#include "runtime/os/thread.h"
#include "runtime/pool/worker_pool.h"
#include "runtime/session/background_prefill.h"
#include "runtime/session/session_state.h"
#include "runtime/weights/weights_plan.h"

namespace runnel {
namespace {

constexpr uint32_t kMaxSessions = 1024;
constexpr uint32_t kMaxContext = 1u << 24;
constexpr uint32_t kMaxStep = 4096;
constexpr uint32_t kDefaultStep = 512;
constexpr uint32_t kLeastStep = 16;
constexpr uint32_t kMaxLogitsRows = 1024;
constexpr uint32_t kMostSubmissionMs = 1000;
constexpr uint64_t kTextBytes = 320 << 10;  // compiled patterns and template, a table of words seen
constexpr uint32_t kUnknownContext = 4096;  // for a file that does not say what the model was trained for

Status bad_option(const char* name, uint64_t value, uint64_t low, uint64_t high) noexcept {
  return Status::error(Code::invalid_argument, "open: %s is %llu, expected %llu to %llu", name,
                       static_cast<unsigned long long>(value), static_cast<unsigned long long>(low),
                       static_cast<unsigned long long>(high));
}

// A sum of products that remembers whether it fits.
class Bytes {
 public:
  Bytes& add(uint64_t bytes, uint64_t times = 1) noexcept {
    uint64_t product = 0;
    fits_ = fits_ && checked_mul(bytes, times, &product) && checked_add(sum_, product, &sum_);
    return *this;
  }
  uint64_t value() const noexcept { return fits_ ? sum_ : UINT64_MAX; }

 private:
  uint64_t sum_ = 0;
  bool fits_ = true;
};

// Everything that bytes depend on but the context and the number of sessions.
struct Terms {
  ExecutorPlan executor;
  uint32_t threads = 1;
  SnapshotKey snapshot_key;
  uint32_t logits_rows = 1;
  uint32_t step_tokens = 1;
  uint64_t kv_tokens = 0;
  uint64_t tables = 0;
  uint64_t header = 0;
  uint32_t checks = 0;   // threads that compare checksums
  uint64_t weights = 0;  // private ones, at least
  DevicePlan device;     // zeros without one
  uint32_t sync_sessions = 0;

  // False when it overflows.
  bool kv(uint32_t context, uint32_t sessions, KvPlan* plan) const noexcept {
    return plan_kv(executor.kv, {context, sessions, step_tokens, kv_tokens}, plan);
  }
  uint64_t session(uint32_t context, uint32_t sessions, const KvPlan& kv) const noexcept {
    return Bytes()
        .add(SessionState::private_bytes(kv, snapshot_key, context, logits_rows), sessions)
        .add(kv.table_bytes)
        .value();
  }
  // The caller's own stack is not ours; the one that compares checksums behind the weights' use is.
  uint64_t threads_bytes() const noexcept {
    return (uint64_t{threads - 1} + checks) * kThreadStackBytes + sync_sessions * BackgroundPrefill::private_bytes();
  }
  // What a tokenizer and a template make of their tables once, and the buffers of a text that fills a context: texts
  // are some 4 bytes a token, a byte takes 8 while it is encoded. A text longer than its session can hold takes more,
  // for as long as the call lasts. One that is being typed is held twice, with its ids, and encoded beside others.
  uint64_t text(uint32_t context) const noexcept {
    return kTextBytes + uint64_t{context} * (32 + uint64_t{sync_sessions} * 48);
  }
  uint64_t all(uint32_t context, uint32_t sessions) const noexcept {
    KvPlan pages;
    if (!kv(context, sessions, &pages)) return UINT64_MAX;
    return Bytes()
        .add(pages.pool_bytes)
        .add(session(context, sessions, pages))
        .add(threads_bytes())
        .add(text(context))
        .add(tables)
        .add(header)
        .add(weights)
        .add(executor.arena_bytes)
        .add(executor.scratch_bytes)
        .add(executor.packed_copy_bytes)
        .add(executor.table_bytes)
        .add(device.weight_bytes)
        .add(device.arena_bytes)
        .add(device.step_bytes)
        .value();
  }
};

// Largest x in [0, high] for which fits(x); fits is monotone.
template <class Fits>
uint32_t largest(uint32_t high, Fits fits) noexcept {
  uint32_t low = 0;
  while (low < high) {
    const uint32_t middle = low + (high - low) / 2 + 1;
    if (fits(middle)) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return low;
}

// What the graph and the file's bookkeeping take once read.
uint64_t graph_bytes(const Graph& graph) noexcept {
  return graph.values.size() * sizeof(Value) + graph.nodes.size() * sizeof(Node) +
         graph.slots.size() * sizeof(StateSlot) + graph.tensors.size() * sizeof(TensorDesc);
}

// The machine's free memory less the mapped weights, which want to stay in it; where they alone are more than that,
// half of it, since they are then read again and again anyway. Weights in private memory are part of the budget: most
// of it.
uint64_t free_budget(uint64_t weight_bytes, WeightsMode mode) noexcept {
  const uint64_t available = machine_memory().available_bytes;
  if (mode != WeightsMode::mapped) return available - available / 8;
  return weight_bytes < available / 4 * 3 ? available - weight_bytes : available / 2;
}

// Streamed weights are the slower the less of them is pinned, so that a context that nobody asked for takes a quarter
// of what is left at most, but for a usable few.
constexpr uint32_t kLeastDefaultContext = 512;
uint32_t default_context(const Terms& terms, uint32_t sessions, uint64_t budget, uint32_t max_context) noexcept {
  const uint64_t fixed = terms.all(1, sessions);
  const uint64_t share = fixed < budget ? (budget - fixed) / 4 : 0;
  const uint32_t modest =
      largest(max_context, [&](uint32_t tokens) { return terms.all(tokens, sessions) - fixed <= share; });
  return std::max(modest, std::min(max_context, kLeastDefaultContext));
}

void add_class(MemoryPlan* plan, const char* name, uint64_t bytes, bool is_private) noexcept {
  plan->classes[plan->class_count++] = {name, bytes, is_private};
  uint64_t* sum = is_private ? &plan->private_bytes : &plan->mapped_bytes;
  if (!checked_add(*sum, bytes, sum)) *sum = UINT64_MAX;
  if (!checked_add(plan->total_bytes, bytes, &plan->total_bytes)) plan->total_bytes = UINT64_MAX;
}

MemoryPlan plan_with(const Terms& terms, const ModelFile& file, const OpenOptions& options, uint64_t budget,
                     WeightsPlan* weights) noexcept {
  MemoryPlan plan;
  plan.budget_bytes = budget;
  plan.budget_given = options.budget_bytes != 0;
  plan.sessions = options.sessions;
  plan.sync_sessions = options.sync_sessions;
  plan.trained_context = file.context_length();
  plan.threads = terms.threads;
  const uint32_t longest = std::min(file.context_length() == 0 ? kUnknownContext : file.context_length(), kMaxContext);
  plan.max_context = largest(longest, [&](uint32_t tokens) { return terms.all(tokens, options.sessions) <= budget; });
  plan.context_tokens = options.context_tokens != 0 ? options.context_tokens : plan.max_context;
  plan.context_why = options.context_tokens != 0                                 ? "as asked"
                     : plan.max_context == longest && file.context_length() != 0 ? "what the model was trained for"
                     : plan.max_context == longest ? "the file does not say what the model was trained for"
                                                   : "the longest that fits the budget";
  if (options.context_tokens == 0 && weights->mode() == WeightsMode::streamed) {
    plan.context_tokens = default_context(terms, options.sessions, budget, plan.max_context);
    if (plan.context_tokens < plan.max_context) plan.context_why = "modest, so that more weights are pinned";
  }
  plan.max_sessions =
      largest(kMaxSessions, [&](uint32_t sessions) { return terms.all(plan.context_tokens, sessions) <= budget; });
  if (plan.context_tokens == 0) plan.max_sessions = 0;

  KvPlan pages;
  if (!terms.kv(plan.context_tokens, options.sessions, &pages)) pages.pool_bytes = UINT64_MAX;
  // What is left goes to the weights.
  const uint64_t taken = terms.all(plan.context_tokens, options.sessions);
  if (plan.context_tokens != 0 && taken <= budget) weights->spend(budget - taken + terms.weights);
  plan.weights_mode = weights->mode();
  plan.streamed_bytes = weights->streamed_bytes();
  plan.weights_locked = weights->mode() == WeightsMode::resident && may_lock_pages(weights->resident_bytes());
  switch (weights->mode()) {
    case WeightsMode::resident: add_class(&plan, "weights_resident", weights->resident_bytes(), true); break;
    case WeightsMode::streamed:
      add_class(&plan, "weights_pinned", weights->pinned_bytes(), true);
      add_class(&plan, "weights_ring", weights->ring_bytes(), true);
      break;
    // What the device has is read from the file once.
    default:
      add_class(&plan, "weights", file.weight_bytes() - std::min(file.weight_bytes(), terms.device.weight_bytes),
                false);
      break;
  }
  if (options.back_end != nullptr) {
    add_class(&plan, "gpu_weights", terms.device.weight_bytes, true);
    add_class(&plan, "gpu_activations", terms.device.arena_bytes, true);
    add_class(&plan, "gpu_steps", terms.device.step_bytes, true);
  }
  add_class(&plan, "header", terms.header, true);
  add_class(&plan, "kv", pages.pool_bytes, true);
  add_class(&plan, "activations", terms.executor.arena_bytes, true);
  add_class(&plan, "scratch", terms.executor.scratch_bytes, true);
  add_class(&plan, "sessions", terms.session(plan.context_tokens, options.sessions, pages), true);
  add_class(&plan, "tables", Bytes().add(terms.tables).add(terms.executor.table_bytes).value(), true);
  add_class(&plan, "text", terms.text(plan.context_tokens), true);
  add_class(&plan, "threads", terms.threads_bytes(), true);
  if (terms.executor.packed_copy_bytes != 0) add_class(&plan, "packed_weights", terms.executor.packed_copy_bytes, true);
  plan.fits = plan.context_tokens != 0 && plan.private_bytes <= budget;
  uint64_t sum = 0;
  for (uint32_t i = 0; i < plan.class_count && !plan.fits && *plan.over_class == 0; ++i) {
    const MemoryClass& each = plan.classes[i];
    if (each.is_private && (!checked_add(sum, each.bytes, &sum) || sum > budget)) plan.over_class = each.name;
  }
  return plan;
}

}  // namespace

Status check_open_options(const OpenOptions& options) noexcept {
  if (options.context_tokens > kMaxContext) return bad_option("context_tokens", options.context_tokens, 0, kMaxContext);
  if (options.sessions < 1 || options.sessions > kMaxSessions)
    return bad_option("sessions", options.sessions, 1, kMaxSessions);
  if (options.sync_sessions > options.sessions)
    return bad_option("sync_sessions", options.sync_sessions, 0, options.sessions);
  if (options.threads > WorkerPool::kMaxThreads)
    return bad_option("threads", options.threads, 0, WorkerPool::kMaxThreads);
  if (options.max_step_tokens > kMaxStep) return bad_option("max_step_tokens", options.max_step_tokens, 0, kMaxStep);
  if (options.max_logits_rows < 1 || options.max_logits_rows > kMaxLogitsRows)
    return bad_option("max_logits_rows", options.max_logits_rows, 1, kMaxLogitsRows);
  for (const KvType type : {options.kv.keys, options.kv.values}) {
    const auto number = static_cast<uint8_t>(type);
    if (number >= kKvTypeCount) return bad_option("kv", number, 0, kKvTypeCount - 1);
  }
  if (options.weights_mode > WeightsMode::streamed)
    return bad_option("weights_mode", static_cast<uint64_t>(options.weights_mode), 0, 3);
  if (options.verify > Verify::off) return bad_option("verify", static_cast<uint64_t>(options.verify), 0, 2);
  if (options.float_backend > FloatBackend::xnnpack)
    return bad_option("float_backend", static_cast<uint64_t>(options.float_backend), 0, 1);
  if (options.device_use > DeviceUse::automatic)
    return bad_option("device_use", static_cast<uint64_t>(options.device_use), 0, 1);
  if (options.device_use == DeviceUse::required && options.back_end != nullptr) {
    if (options.weights_mode == WeightsMode::resident || options.weights_mode == WeightsMode::streamed)
      return Status::error(Code::unsupported,
                           "open: with a device, weights are mapped; the other ways are for the CPU");
    if (options.float_backend != FloatBackend::own)
      return Status::error(Code::unsupported, "open: XNNPACK is for the CPU, not for a device");
  }
  if (options.submission_ms > kMostSubmissionMs)
    return bad_option("submission_ms", options.submission_ms, 0, kMostSubmissionMs);
  if (options.activations > Activations::f32)
    return bad_option("activations", static_cast<uint64_t>(options.activations), 0, 3);
  return {};
}

Result<Isa> choose_isa(const char* isa) noexcept {
  if (isa == nullptr || *isa == '\0') return active_isa();
  Isa wanted = Isa::scalar;
  if (!parse_isa(isa, &wanted))
    return Status::error(Code::invalid_argument, "open: there is no instruction set \"%.32s\"", isa);
  if (!covers(active_isa(), wanted))
    return Status::error(Code::unsupported, "open: instruction set %s is asked for, %s is what can be used here", isa,
                         isa_name(active_isa()));
  return wanted;
}

SnapshotKey make_snapshot_key(const ModelFile& file, const ExecutorOptions& options,
                              const ExecutorPlan& plan) noexcept {
  SnapshotKey key;
  (void)parse_hex(file.hash_hex(), &key.model);
  key.kv_layout = kKvLayoutVersion;
  key.key_type = static_cast<uint8_t>(options.kv.keys);
  key.value_type = static_cast<uint8_t>(options.kv.values);
  key.activations = static_cast<uint8_t>(options.activations);
  key.float_backend = static_cast<uint8_t>(options.float_backend);
  key.page_shift = options.page_shift;
  key.vocab_size = file.vocab_size();
  key.group_count = plan.kv.count;
  for (uint32_t g = 0; g < plan.kv.count; ++g) {
    key.groups[g] = {plan.kv.groups[g].page_bytes, plan.kv.groups[g].window};
  }
  return key;
}

namespace {

// Keys of four bits need a whole group in a head: of shorter ones rounding shows, since few numbers share its error.
// Perplexity of a model with heads of 8 grows by 38% with them, by 0.3% with keys of eight bits (docs/benchmarks.md).
KvTypes storable_kv(const Graph& graph, KvTypes wanted) noexcept {
  for (const StateSlot& slot : graph.slots) {
    if (wanted.keys == KvType::q4 && slot.head_dim < kKvGroup) wanted.keys = KvType::q8;
  }
  return wanted;
}

Result<ResolvedPlan> plan_mode(const ModelFile& file, const OpenOptions& options, WeightsMode mode,
                               const WeightImport& import) noexcept {
  Terms terms;
  terms.threads = options.threads != 0 ? options.threads : recommended_threads();
  terms.kv_tokens = options.kv_tokens;
  terms.header = file.header_bytes();
  terms.checks = options.verify == Verify::lazy ? 1 : 0;
  terms.sync_sessions = options.sync_sessions;
  terms.tables = ModelState::fixed_bytes() + graph_bytes(file.graph());

  ResolvedPlan resolved;
  ExecutorOptions& executor = resolved.executor;
  RUNNEL_ASSIGN(executor.isa, choose_isa(options.isa));
  executor.workers = terms.threads;
  executor.page_shift = kPageShift;
  executor.kv = storable_kv(file.graph(), options.kv);
  executor.float_backend = options.float_backend;
  executor.activations = options.activations;

  RUNNEL_ASSIGN(WeightsPlan weights, WeightsPlan::make(file, mode, options.float_backend));
  terms.weights = weights.least_bytes();
  const uint64_t budget =
      options.budget_bytes != 0 ? options.budget_bytes : free_budget(file.weight_bytes(), weights.mode());
  const uint32_t longest = options.context_tokens != 0  ? options.context_tokens
                           : file.context_length() != 0 ? std::min(file.context_length(), kMaxContext)
                                                        : kUnknownContext;
  // Unless the host fixed it, the step shrinks until a context of several steps fits: a short slice costs some prefill
  // speed, a short context costs the conversation.
  for (uint32_t step = std::min(options.max_step_tokens != 0 ? options.max_step_tokens : kDefaultStep, longest);;
       step /= 2) {
    executor.max_tokens = step;
    executor.max_outputs = std::min(options.max_logits_rows, step);
    terms.logits_rows = executor.max_outputs;
    terms.step_tokens = step;
    if (options.back_end != nullptr) {
      RUNNEL_ASSIGN(terms.device, options.back_end->plan(file.graph(), {executor, longest, 0, import}));
      terms.executor = terms.device.cpu;
    } else {
      RUNNEL_ASSIGN(terms.executor, plan_executor(file.graph(), executor));
    }
    terms.snapshot_key = make_snapshot_key(file, executor, terms.executor);
    resolved.memory = plan_with(terms, file, options, budget, &weights);
    resolved.memory.max_step_tokens = step;
    resolved.memory.kv = executor.kv;
    resolved.memory.kv_why = executor.kv.keys == options.kv.keys ? "" : "heads are too short for keys in q4";
    resolved.memory.step_why = options.max_step_tokens != 0              ? "as asked"
                               : step == std::min(kDefaultStep, longest) ? "default"
                                                                         : "shorter, so that more context fits";
    resolved.split = weights.split();
    // A long step reads streamed weights once for all its tokens, so that one step's context is enough to keep it.
    const uint32_t steps = weights.mode() == WeightsMode::streamed ? 1 : 4;
    const bool roomy = resolved.memory.fits && resolved.memory.context_tokens >= std::min(longest, steps * step);
    if (roomy || options.max_step_tokens != 0 || step / 2 < kLeastStep) return resolved;
  }
}

void describe_weights(const OpenOptions& options, const char* why, const DeviceWeightsPlan& on_device,
                      MemoryPlan* plan) noexcept {
  const auto mib = [](uint64_t bytes) { return static_cast<double>(bytes) / (1 << 20); };
  char what[160] = "";
  if (options.back_end != nullptr && on_device.import.slice_bytes != 0) {
    std::snprintf(what, sizeof what, "the device reads them in place");
  } else if (options.back_end != nullptr) {
    std::snprintf(what, sizeof what, "copied to the device: %s", on_device.why_copied);
  } else if (plan->weights_mode == WeightsMode::streamed) {
    std::snprintf(what, sizeof what, "%.1f MiB are read in each step", mib(plan->streamed_bytes));
  } else if (plan->weights_mode == WeightsMode::resident) {
    std::snprintf(what, sizeof what, "%s",
                  plan->weights_locked ? "locked" : "not locked: the system refuses (RLIMIT_MEMLOCK)");
  } else if (options.weights_mode != WeightsMode::automatic && options.weights_mode != WeightsMode::mapped) {
    std::snprintf(what, sizeof what, "the model lies in memory already");
  }
  std::snprintf(plan->weights_note, sizeof plan->weights_note, "%s%s%s", what,
                *what != '\0' && *why != '\0' ? "; " : "", why);
}

}  // namespace

Result<ResolvedPlan> make_plan(const ModelFile& file, const OpenOptions& options,
                               const DeviceWeightsPlan& on_device) noexcept {
  char why[128] = "";
  const bool automatic = options.weights_mode == WeightsMode::automatic && options.back_end == nullptr;
  const WeightsMode mode = options.back_end != nullptr ? WeightsMode::mapped
                           : automatic ? choose_weights_mode(file, options.budget_bytes, why, sizeof why)
                                       : options.weights_mode;
  RUNNEL_ASSIGN(ResolvedPlan resolved, plan_mode(file, options, mode, on_device.import));
  MemoryPlan& plan = resolved.memory;
  describe_weights(options, why, on_device, &plan);
  return resolved;
}

Status over_budget(const MemoryPlan& plan, const OpenOptions& options) noexcept {
  const auto mib = [](uint64_t bytes) { return static_cast<double>(bytes) / (1 << 20); };
  const char* source = plan.budget_given ? "the budget" : "the memory that is free";
  if (options.context_tokens == 0) {
    return Status::error(Code::over_budget,
                         "open: %.2f MiB are needed before the first token of context, %s is %.2f MiB (%s is too much)",
                         mib(plan.private_bytes), source, mib(plan.budget_bytes), plan.over_class);
  }
  char nearest[64];
  if (plan.max_context != 0) {
    std::snprintf(nearest, sizeof nearest, "the longest context that fits is %u", plan.max_context);
  } else {
    std::snprintf(nearest, sizeof nearest, "no context fits");
  }
  return Status::error(
      Code::over_budget,
      "open: %u session(s) of %u tokens take %.2f MiB, %s is %.2f MiB (%s is too much); %s, the most sessions are %u",
      plan.sessions, plan.context_tokens, mib(plan.private_bytes), source, mib(plan.budget_bytes), plan.over_class,
      nearest, plan.max_sessions);
}

Result<MemoryPlan> plan_model(const char* path, const OpenOptions& options) noexcept {
  if (path == nullptr) return Status::error(Code::invalid_argument, "plan: no path");
  return plan_model(ModelSource{.path = path, .files = {}, .memory = {}}, options);
}

Result<MemoryPlan> plan_model(const ModelSource& source, const OpenOptions& options) noexcept {
  RUNNEL_TRY(check_open_options(options));
  RUNNEL_ASSIGN(const ModelFile file,
                ModelFile::open(source, {.verify = Verify::off, .trusted_fingerprint = {}, .keep_files = false}));
  OpenOptions own = options;
  if (own.back_end != nullptr) {
    RUNNEL_ASSIGN(const DeviceChoice choice, choose_device(options));
    if (!choice.on_device) own.back_end = nullptr;
  }
  DeviceWeightsPlan on_device;
  if (own.back_end != nullptr) {
    Result<DeviceWeightsPlan> foreseen = foresee_import(file, own);
    if (foreseen.ok()) {
      on_device = *foreseen;
    } else if (own.device_use == DeviceUse::automatic) {
      own.back_end = nullptr;  // as open() does
    } else {
      return foreseen.status();
    }
  }
  RUNNEL_ASSIGN(const ResolvedPlan resolved, make_plan(file, own, on_device));
  return resolved.memory;
}

}  // namespace runnel
