#include "runtime/model/model_state.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <new>

#include "graph/cost.h"
#include "kernels/base/memory.h"
#include "kernels/cpu_topology.h"
#include "runtime/devices/choose.h"
#include "runtime/model/chat_encoding.h"
#include "runtime/model/planner.h"

namespace runnel {
namespace {

// Counts one more, unless there are as many as planned.
bool enter(std::atomic<uint32_t>& count, uint32_t planned) noexcept {
  uint32_t open = count.load(std::memory_order_relaxed);
  do {
    if (open >= planned) return false;
  } while (!count.compare_exchange_weak(open, open + 1, std::memory_order_relaxed));
  return true;
}

}  // namespace

uint64_t ModelState::fixed_bytes() noexcept { return sizeof(ModelState); }

void ModelState::release() noexcept {
  if (references_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  this->~ModelState();
  runnel::release(this);
}

Result<ModelState*> ModelState::open(const ModelSource& source, const OpenOptions& options) noexcept {
  RUNNEL_TRY(check_open_options(options));
  const char* trusted = options.trusted_fingerprint;
  // An eager verification waits until the weights are where they will be used.
  const Verify verify = options.verify == Verify::eager ? Verify::lazy : options.verify;
  RUNNEL_ASSIGN(ModelFile file, ModelFile::open(source, {.verify = verify,
                                                         .trusted_fingerprint = trusted == nullptr ? "" : trusted,
                                                         .keep_files = true}));
  void* memory = allocate(sizeof(ModelState), alignof(ModelState));
  if (memory == nullptr) return out_of_memory("open", "the model's state");
  ModelState* state = new (memory) ModelState(std::move(file));
  if (Status status = state->start(options); !status.ok()) {
    state->release();
    return status;
  }
  return state;
}

Status ModelState::start(const OpenOptions& options) noexcept {
  OpenOptions on_cpu = options;
  on_cpu.back_end = nullptr;
  DeviceChoice choice;
  if (options.back_end != nullptr) {
    RUNNEL_ASSIGN(choice, choose_device(options));
    if (!choice.on_device) note_cpu(choice.why_not);
  }
  Status status = start_executor(choice.on_device ? options : on_cpu);
  if (!status.ok() && choice.on_device && options.device_use == DeviceUse::automatic) {
    note_cpu(status.message());
    status = start_executor(on_cpu);
  }
  RUNNEL_TRY(std::move(status));
  RUNNEL_ASSIGN(const std::span<const uint8_t> tables, file_.section("tokenizer"));
  if (!tables.empty()) {
    RUNNEL_ASSIGN(tokenizer_, Tokenizer::open(tables));
  }
  file_.close_files();
  fill_info();
  return options.verify != Verify::eager || file_.verified() ? Status() : file_.verify_all(nullptr, nullptr);
}

void ModelState::note_cpu(const char* why) noexcept {
  std::snprintf(device_note_, sizeof device_note_, "%s", why);
  kv_.reset();
  device_executor_.reset(nullptr);
  device_.reset(nullptr);
}

Status ModelState::start_executor(const OpenOptions& options) noexcept {
  DeviceWeightsPlan on_device;
  if (options.back_end != nullptr) {
    RUNNEL_ASSIGN(ComputeDevice* const device, options.back_end->open(options.device, options.cache_folder));
    device_.reset(device);
    on_device = import_weights(*device, file_);
  }
  RUNNEL_ASSIGN(ResolvedPlan plan, make_plan(file_, options, on_device));
  if (!plan.memory.fits) return over_budget(plan.memory, options);
  plan_ = plan.memory;
  RUNNEL_TRY(bring_weights(plan));
  if (!workers_) {
    RUNNEL_ASSIGN(workers_, WorkerPool::create(plan.memory.threads));
  }
  plan.executor.workers = workers_->worker_count();
  plan_.threads = workers_->worker_count();
  if (options.back_end != nullptr) {
    RUNNEL_TRY(start_on_device(options, plan, on_device.import));
  } else if (streamed_) {
    RUNNEL_ASSIGN(executor_, CpuExecutor::create(file_.graph(), streamed_->view(), plan.executor));
  } else {
    RUNNEL_ASSIGN(executor_, CpuExecutor::create(file_, plan.executor));
  }
  const ExecutorPlan& executor_plan = executor_ ? executor_->plan() : device_executor_->plan().cpu;
  KvPlan pages;
  if (!plan_kv(executor_plan.kv,
               {plan.memory.context_tokens, plan.memory.sessions, plan.memory.max_step_tokens, options.kv_tokens},
               &pages))
    return Status::error(Code::internal, "open: the KV pages' sizes overflow");
  kv_.emplace();
  RUNNEL_TRY(kv_->init(pages, options.share_prefixes, device_.get()));
  max_logits_rows_ = plan.executor.max_outputs;
  info_.isa = isa_name(plan.executor.isa);
  snapshot_key_ = make_snapshot_key(file_, plan.executor, executor_plan);
  return {};
}

Status ModelState::start_on_device(const OpenOptions& options, const ResolvedPlan& plan,
                                   const WeightImport& import) noexcept {
  RUNNEL_ASSIGN(DeviceExecutor* const executor,
                device_->make_executor(file_.graph(), file_weights(file_),
                                       {plan.executor, plan.memory.context_tokens, options.submission_ms, import}));
  device_executor_.reset(executor);
  if (import.slice_bytes == 0) (void)file_.drop_pages();  // what the device has now need not lie in memory twice
  if (options.device_use == DeviceUse::required) return {};
  char slower[120] = {};
  RUNNEL_TRY(executor->compare_with_cpu(*workers_, slower));
  return *slower == 0 ? Status() : Status::error(Code::unsupported, "%s: %s", device_->info().name, slower);
}

Status ModelState::bring_weights(const ResolvedPlan& plan) noexcept {
  bool direct = true;
  if (plan_.weights_mode == WeightsMode::resident) {
    RUNNEL_ASSIGN(resident_, ResidentWeights::load(file_));
    file_.relocate(resident_.data());
    plan_.weights_locked = resident_.locked();
    direct = resident_.direct();
  } else if (plan_.weights_mode == WeightsMode::streamed) {
    RUNNEL_ASSIGN(streamed_, StreamedWeights::load(file_, plan.split));
    direct = streamed_->direct();
  }
  if (!direct) {
    const size_t used = std::strlen(plan_.weights_note);
    std::snprintf(plan_.weights_note + used, sizeof plan_.weights_note - used,
                  "; through the page cache, the file system has no direct reads");
  }
  return {};
}

void ModelState::fill_info() noexcept {
  info_.name = file_.name();
  info_.architecture = file_.architecture();
  info_.weights = file_.weights_label();
  info_.hash = file_.hash_hex();
  info_.fingerprint = file_.fingerprint();
  info_.vocab_size = file_.vocab_size();
  info_.trained_context = file_.context_length();
  info_.file_bytes = file_.file_bytes();
  info_.chat_template = file_.chat_template();
  info_.has_chat_template = !info_.chat_template.empty();
  info_.end_ids = file_.end_ids();
  if (device_.get() != nullptr) info_.device = device_->info().name;
  info_.device_note = device_note_;
  if (tokenizer_) {
    info_.bos_id = tokenizer_->bos_id();
    info_.eos_id = tokenizer_->eos_id();
  }
}

Result<const ChatTemplate*> ModelState::chat_template() noexcept {
  if (!info_.has_chat_template)
    return Status::error(Code::unsupported, "chat: the model has no chat template, give it the prompt as plain text");
  const std::lock_guard lock(lazy_mutex_);
  if (!template_) {
    RUNNEL_ASSIGN(template_, ChatTemplate::compile(info_.chat_template));
  }
  return &*template_;
}

Result<std::span<const int32_t>> ModelState::control_ids() noexcept {
  const std::lock_guard lock(lazy_mutex_);
  if (!has_control_ids_ && tokenizer_) {
    control_ids_.clear();
    RUNNEL_TRY(find_control_ids(*tokenizer_, &control_ids_));
    has_control_ids_ = true;
  }
  return std::span<const int32_t>(control_ids_);
}

Status ModelState::run_step(const StepInput& input) noexcept {
  const std::lock_guard lock(step_mutex_);
  if (executor_) return executor_->run(input, *workers_);
  Status status = device_executor_->run(input, *workers_);
  if (status.code() == Code::device_lost) {
    kv_->stop_sharing();
    pages_epoch_.fetch_add(1, std::memory_order_acq_rel);
  }
  return status;
}

Status ModelState::set_effort(const Effort& effort) noexcept {
  constexpr double kLeastRate = 1e-3;  // one token in a quarter of an hour: less is a mistake, and cannot be waited for
  const double rate = effort.tokens_per_second;
  if (!(rate == 0 || (rate >= kLeastRate && rate <= 1e9)))
    return Status::error(Code::invalid_argument, "effort: %g tokens a second, expected 0 (no limit) or %g to 1e9", rate,
                         kLeastRate);
  uint32_t threads = effort.threads == 0 ? plan_.threads : std::min(effort.threads, plan_.threads);
  if (effort.yielding) threads = std::min(threads, std::max(cpu_topology().cores, 2u) - 1);
  workers_->set_effort(threads, effort.yielding);
  pace_ns_.store(rate == 0 ? 0 : static_cast<uint64_t>(1e9 / rate), std::memory_order_relaxed);
  return {};
}

double ModelState::kv_value_bytes() const noexcept {
  const uint64_t page_values = step_cost(file_.graph()).kv_values_per_token << kPageShift;
  uint64_t page_bytes = 0;
  for (uint32_t g = 0; g < kv_->plan().group_count; ++g) page_bytes += kv_->plan().groups[g].page_bytes;
  return page_values == 0 ? 0 : static_cast<double>(page_bytes) / static_cast<double>(page_values);
}

bool ModelState::enter_session() noexcept { return enter(sessions_, plan_.sessions); }

bool ModelState::enter_sync() noexcept { return enter(syncs_, plan_.sync_sessions); }

}  // namespace runnel
