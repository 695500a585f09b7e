// The CPU back end: plans one arena for a graph, picks kernels once, runs steps without allocating.
//
// Ownership: borrows the graph and the weights, owns its arena and scratch. Thread rule: one run() at a time.
#pragma once

#include <atomic>
#include <span>

#include "graph/cpu/kv_groups.h"
#include "graph/file/model_file.h"
#include "kernels/attention/attention.h"
#include "kernels/base/parallel_for.h"
#include "kernels/isa.h"
#include "runnel/types.h"

namespace runnel {

class StepProfile;

struct ExecutorOptions {
  uint32_t max_tokens = 512;  // most tokens in one step
  uint32_t max_outputs = 1;   // most logits rows in one step
  uint32_t workers = 1;       // worker_count() of the ParallelFor that will run it
  uint32_t page_shift = 5;    // log2 of tokens per KV page
  KvTypes kv = KvType::f16;
  Isa isa = Isa::scalar;  // active_isa() as a rule
  FloatBackend float_backend = FloatBackend::own;
  Activations activations = Activations::automatic;
};

// Private bytes that an executor takes, from the graph alone (no weight is touched).
struct ExecutorPlan {
  uint64_t arena_bytes = 0;        // activations
  uint64_t scratch_bytes = 0;      // all workers' scratch, quantised rows included
  uint64_t packed_copy_bytes = 0;  // XNNPACK's private weights
  uint64_t table_bytes = 0;        // node tables and the like
  KvGroups kv;                     // the pages that a sequence needs
  bool operator==(const ExecutorPlan&) const = default;
};
Result<ExecutorPlan> plan_executor(const Graph& graph, const ExecutorOptions& options) noexcept;

struct StepInput {
  std::span<const int32_t> ids;  // 1..max_tokens, each < vocab (checked)
  uint32_t first_position = 0;   // position of ids[0]
  // The sequence's page tables, one a group of ExecutorPlan::kv, covering first_position + ids.size() tokens but for
  // what no token of the step sees.
  uint8_t* const* const* pages = nullptr;
  std::span<const uint32_t> output_rows;      // indices into ids, ascending, at most max_outputs
  float* logits = nullptr;                    // (output_rows.size(), vocab), written
  const std::atomic<bool>* cancel = nullptr;  // checked at least once a layer; may be null
  StepProfile* profile = nullptr;  // graph/cpu/step_profile.h: filled, of the same graph; null: no clock read
};

// Panels [first_panel, first_panel + panel_count) of a packed matrix, one behind the other from `bytes` on, which is a
// multiple of 64 bytes.
struct WeightRun {
  const uint8_t* bytes = nullptr;
  uint32_t first_panel = 0, panel_count = 0;
};

// Weights that pass through memory. All functions are called by the thread that runs the step; none allocates.
struct WeightStream {
  void* context = nullptr;
  uint32_t row_batch = 1;  // most ids of one look_up()
  // A step begins; `outputs`: it computes rows of logits.
  void (*begin)(void* context, bool outputs) noexcept = nullptr;
  // Some panels of a node's matrix from `panel` on, at least one, in order and without gaps; waits for them. They stay
  // until the next call. Statuses: io, corrupt_file, cancelled.
  Status (*take)(void* context, uint32_t node, uint32_t panel, const std::atomic<bool>* cancel,
                 std::span<const WeightRun>* runs) noexcept = nullptr;
  // The node is done with its matrix.
  void (*done)(void* context, uint32_t node) noexcept = nullptr;
  // The panels that hold rows ids[i] of a table, panel i for ids[i], one behind the other at *panels until the next
  // call. Statuses: io, corrupt_file.
  Status (*look_up)(void* context, uint32_t tensor, std::span<const int32_t> ids,
                    const uint8_t** panels) noexcept = nullptr;
};

// Where an executor finds packed weights, by index of Graph::tensors. All borrowed.
struct WeightView {
  const void* context = nullptr;
  // Null for a matrix or table that comes by `stream`.
  const uint8_t* (*data)(const void* context, uint32_t tensor) noexcept = nullptr;
  const WeightStream* stream = nullptr;  // null: everything has its place
  // Says that the tensor is about to be used; called once before a node first uses it. May be null.
  Status (*touch)(const void* context, uint32_t tensor) noexcept = nullptr;
  // corrupt_file once any weight touched so far was found damaged; called at the end of every step. May be null.
  Status (*check)(const void* context) noexcept = nullptr;
};

// A model file's tensors where they are mapped. The file outlives the view and stays where it is.
WeightView file_weights(const ModelFile& file) noexcept;

class CpuExecutor {
 public:
  // The file outlives the executor and stays where it is.
  static Result<CpuExecutor> create(const ModelFile& file, const ExecutorOptions& options) noexcept;
  // The same over any source of weights. The (verified) graph and the weights outlive the executor.
  static Result<CpuExecutor> create(const Graph& graph, const WeightView& weights,
                                    const ExecutorOptions& options) noexcept;
  CpuExecutor(CpuExecutor&&) noexcept;
  CpuExecutor& operator=(CpuExecutor&&) noexcept;
  ~CpuExecutor();

  // Statuses: invalid_argument (ids out of range), cancelled (the pages hold garbage from first_position on),
  // corrupt_file (a lazily verified chunk did not match), io (streamed weights could not be read). Allocates nothing.
  Status run(const StepInput& input, ParallelFor& workers) noexcept;
  const ExecutorPlan& plan() const noexcept;

 private:
  friend Result<ExecutorPlan> plan_executor(const Graph& graph, const ExecutorOptions& options) noexcept;
  struct Impl;
  explicit CpuExecutor(Impl* impl) noexcept : impl_(impl) {}
  Impl* impl_ = nullptr;
};

}  // namespace runnel
