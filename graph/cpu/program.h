// CpuProgram: a graph made ready to run on the CPU. Every operand has its address, every op its kernels and its
// scratch.
//
// Ownership: owns its tables; borrows the graph, the weights, the arena and the scratch. Thread rule: one thread at a
// time (run_node() itself hands work to the workers).
#pragma once

#include "graph/cpu/cpu_op.h"
#include "graph/plan.h"

namespace runnel {

class CpuProgram {
 public:
  // Plans only: no weight is touched, and nothing can run before bind().
  static Result<CpuProgram> create(const Graph& graph, const ExecutorOptions& options) noexcept;
  CpuProgram(CpuProgram&&) noexcept = default;
  ~CpuProgram();

  // arena: plan().arena_bytes, scratch: plan().scratch_bytes, both 64-byte aligned.
  Status bind(const WeightView& weights, uint8_t* arena, uint8_t* scratch) noexcept;

  // A step is check_step(), begin_step(), run_node() for every node in order, end_step().
  Status check_step(const StepInput& input, uint32_t workers) const noexcept;
  void begin_step(const StepInput& input) noexcept;
  Status run_node(size_t node, ParallelFor& workers) noexcept;
  Status end_step(const StepInput& input) noexcept;

  const ExecutorPlan& plan() const noexcept { return plan_; }
  const ArenaPlan& arena_plan() const noexcept { return arena_plan_; }
  const Graph& graph() const noexcept { return *graph_; }
  // For back ends that run some nodes themselves: a node's shapes, those of the step once it has begun.
  const CpuCall& call(size_t node) const noexcept { return calls_[node]; }
  const KvLayout& kv() const noexcept { return kv_; }

 private:
  CpuProgram() noexcept = default;
  // What is known of the weights' checksums.
  Status check_weights() const noexcept {
    return weights_.check == nullptr ? Status() : weights_.check(weights_.context);
  }
  void lay_out(Tables* tables) noexcept;
  Status prepare() noexcept;
  void fill_operand(ValueId id, CpuOperand* operand) const noexcept;
  void bind_operand(ValueId id, uint8_t* arena, CpuOperand* operand) const noexcept;
  Status touch_weights(size_t node) noexcept;
  bool is_streamed(const CpuCall& call, uint32_t input) const noexcept {
    return weights_.stream != nullptr && call.in[input].desc != nullptr && call.in[input].weights == nullptr;
  }
  void run_phase(size_t node, const CpuCall& call, const CpuStep& step, uint32_t phase, ParallelFor& workers) noexcept;
  // program_stream.cpp: the phase as its panels come; the node batch by batch of its ids.
  Status run_panels(size_t node, uint32_t phase, ParallelFor& workers) noexcept;
  Status run_look_up(size_t node, ParallelFor& workers) noexcept;

  const Graph* graph_ = nullptr;
  ExecutorOptions options_;
  ExecutorPlan plan_;
  WeightView weights_;
  Block memory_;  // of all spans below
  ArenaPlan arena_plan_;
  std::span<CpuCall> calls_;          // by node
  std::span<uint8_t> touched_;        // by node: its weights may be used
  std::span<KvSlotLayout> kv_slots_;  // by slot
  std::span<CpuStep::WorkerMark> marks_;
  KvLayout kv_;
  CpuStep step_;
  StepProfile* profile_ = nullptr;             // of this step
  const std::atomic<bool>* cancel_ = nullptr;  // of this step
  uint8_t* arena_ = nullptr;
  size_t loaded_ = 0;  // nodes whose load() was called, from the first on
  uint64_t shared_bytes_ = 0, worker_bytes_ = 0;
  uint32_t id_limit_ = UINT32_MAX;  // rows of the smallest table that ids select from
};

}  // namespace runnel
