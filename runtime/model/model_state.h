// What the copies of a Model handle and its sessions share: the mapped file, the tokenizer, the template, the workers,
// the KV pages and the executor.
//
// Ownership: reference counted; the last retain()er deletes. Thread rule: const members any thread; run_step() any
// thread, steps take turns.
#pragma once

#include <atomic>
#include <mutex>
#include <optional>

#include "graph/back_end.h"
#include "graph/file/model_file.h"
#include "runnel/model.h"
#include "runtime/kv/kv_cache.h"
#include "runtime/pool/worker_pool.h"
#include "runtime/snapshot/root.h"
#include "runtime/template/chat_template.h"
#include "runtime/tokenizer/tokenizer.h"
#include "runtime/weights/resident_weights.h"
#include "runtime/weights/streamed_weights.h"

namespace runnel {

struct ResolvedPlan;

class ModelState {
 public:
  // One reference, owned by the caller. Statuses as Model::open().
  static Result<ModelState*> open(const ModelSource& source, const OpenOptions& options) noexcept;
  void retain() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
  void release() noexcept;

  const ModelFile& file() const noexcept { return file_; }
  const ModelInfo& info() const noexcept { return info_; }
  const MemoryPlan& plan() const noexcept { return plan_; }
  const Tokenizer* tokenizer() const noexcept { return tokenizer_ ? &*tokenizer_ : nullptr; }
  // Compiled at first use. Status: unsupported (none), invalid_argument (does not compile).
  Result<const ChatTemplate*> chat_template() noexcept;
  // Ids of the tokenizer's control tokens, listed at first use.
  Result<std::span<const int32_t>> control_ids() noexcept;

  KvCache& kv() noexcept { return *kv_; }
  // Of a stored key or value, on average over all layers; 0 without any.
  double kv_value_bytes() const noexcept;
  uint32_t max_logits_rows() const noexcept { return max_logits_rows_; }
  // What a snapshot of a session must agree with.
  const SnapshotKey& snapshot_key() const noexcept { return snapshot_key_; }
  // device_lost once, when the device goes: what pages hold is then unknown, and the CPU goes on.
  Status run_step(const StepInput& input) noexcept;
  // How often pages became worthless: a session that sees another number than before computes everything again.
  uint32_t pages_epoch() const noexcept { return pages_epoch_.load(std::memory_order_acquire); }
  std::span<const PlacementRow> placement() const noexcept {
    return device_executor_.get() == nullptr ? std::span<const PlacementRow>() : device_executor_->placement();
  }
  Status set_effort(const Effort& effort) noexcept;
  // Least time between two tokens of a generation.
  uint64_t pace_ns() const noexcept { return pace_ns_.load(std::memory_order_relaxed); }
  // Held while no step may run.
  std::mutex& step_mutex() noexcept { return step_mutex_; }
  // Waits until what was used of the weights was hashed.
  Status settle() const noexcept { return streamed_ ? streamed_->settle() : file_.settle(); }

  // Sessions count against the plan. False when as many as planned are open.
  [[nodiscard]] bool enter_session() noexcept;
  void leave_session() noexcept { sessions_.fetch_sub(1, std::memory_order_relaxed); }

  // The same for those that prefill while a text is typed.
  [[nodiscard]] bool enter_sync() noexcept;
  void leave_sync() noexcept { syncs_.fetch_sub(1, std::memory_order_relaxed); }

  static uint64_t fixed_bytes() noexcept;  // private bytes besides the graph's, the executor's and the sessions'

 private:
  explicit ModelState(ModelFile file) noexcept : file_(std::move(file)) {}
  ~ModelState() = default;
  Status start(const OpenOptions& options) noexcept;
  // Plans, brings the weights and makes the executor; on options.back_end's device, or on the CPU without one. What an
  // attempt before took is given back.
  Status start_executor(const OpenOptions& options) noexcept;
  Status start_on_device(const OpenOptions& options, const ResolvedPlan& plan, const WeightImport& import) noexcept;
  void note_cpu(const char* why) noexcept;
  Status bring_weights(const ResolvedPlan& plan) noexcept;
  void fill_info() noexcept;

  // Closes or destroys what a back end made.
  template <class T, void (T::*kEnd)() noexcept>
  class Owned {
   public:
    Owned() noexcept = default;
    Owned(const Owned&) = delete;
    Owned& operator=(const Owned&) = delete;
    ~Owned() { reset(nullptr); }
    void reset(T* object) noexcept {
      if (object_ != nullptr) (object_->*kEnd)();
      object_ = object;
    }
    T* get() const noexcept { return object_; }
    T* operator->() const noexcept { return object_; }

   private:
    T* object_ = nullptr;
  };

  std::atomic<uint32_t> pages_epoch_{0};
  ResidentWeights resident_;  // before the file, which reads it to its end
  ModelFile file_;
  // Before all that lies in its memory, after what it reads in place.
  Owned<ComputeDevice, &ComputeDevice::close> device_;
  char device_note_[200] = {};
  std::optional<StreamedWeights> streamed_;
  std::optional<Tokenizer> tokenizer_;
  MemoryPlan plan_;
  ModelInfo info_;
  std::optional<WorkerPool> workers_;
  std::optional<KvCache> kv_;
  std::optional<CpuExecutor> executor_;
  Owned<DeviceExecutor, &DeviceExecutor::destroy> device_executor_;  // in place of the CPU's
  uint32_t max_logits_rows_ = 1;
  SnapshotKey snapshot_key_;

  std::mutex step_mutex_;
  std::mutex lazy_mutex_;  // guards what is made at first use
  std::optional<ChatTemplate> template_;
  Array<int32_t> control_ids_;
  bool has_control_ids_ = false;
  std::atomic<uint64_t> pace_ns_{0};
  std::atomic<uint32_t> sessions_{0};
  std::atomic<uint32_t> syncs_{0};
  std::atomic<uint32_t> references_{1};
};

}  // namespace runnel
