#include "graph/cpu/executor.h"

#include <cstring>
#include <new>

#include "graph/cpu/program.h"
#include "kernels/base/memory.h"

namespace runnel {

struct CpuExecutor::Impl {
  CpuProgram program;
  Block arena, scratch;
  ExecutorPlan plan;
};

namespace {

// A program's plan and what the executor adds around it.
ExecutorPlan whole_plan(const CpuProgram& program, size_t impl_bytes) noexcept {
  ExecutorPlan plan = program.plan();
  plan.table_bytes += impl_bytes;
  return plan;
}

}  // namespace

Result<ExecutorPlan> plan_executor(const Graph& graph, const ExecutorOptions& options) noexcept {
  RUNNEL_ASSIGN(const CpuProgram program, CpuProgram::create(graph, options));
  return whole_plan(program, sizeof(CpuExecutor::Impl));
}

Result<CpuExecutor> CpuExecutor::create(const Graph& graph, const WeightView& weights,
                                        const ExecutorOptions& options) noexcept {
  RUNNEL_ASSIGN(CpuProgram program, CpuProgram::create(graph, options));
  const ExecutorPlan plan = whole_plan(program, sizeof(Impl));
  Block arena(plan.arena_bytes);
  Block scratch(plan.scratch_bytes);
  void* memory = allocate(sizeof(Impl), alignof(Impl));
  if (arena.data() == nullptr || scratch.data() == nullptr || memory == nullptr) {
    release(memory);
    return Status::error(Code::out_of_memory, "executor: no memory for %llu bytes of activations and %llu of scratch",
                         static_cast<unsigned long long>(plan.arena_bytes),
                         static_cast<unsigned long long>(plan.scratch_bytes));
  }
  // Which worker runs what differs from step to step, and attention's parts grow with the depth: backed here, so that
  // no step waits for a page.
  std::memset(scratch.data(), 0, plan.scratch_bytes);
  CpuExecutor executor(new (memory) Impl{std::move(program), std::move(arena), std::move(scratch), plan});
  Impl& impl = *executor.impl_;
  RUNNEL_TRY(impl.program.bind(weights, impl.arena.data(), impl.scratch.data()));
  return executor;
}

CpuExecutor::CpuExecutor(CpuExecutor&& other) noexcept : impl_(std::exchange(other.impl_, nullptr)) {}

CpuExecutor& CpuExecutor::operator=(CpuExecutor&& other) noexcept {
  std::swap(impl_, other.impl_);
  return *this;
}

CpuExecutor::~CpuExecutor() {
  if (impl_ == nullptr) return;
  impl_->~Impl();
  release(impl_);
}

Status CpuExecutor::run(const StepInput& input, ParallelFor& workers) noexcept {
  CpuProgram& program = impl_->program;
  RUNNEL_TRY(program.check_step(input, workers.worker_count()));
  program.begin_step(input);
  const size_t node_count = program.graph().nodes.size();
  for (size_t n = 0; n < node_count; ++n) {
    if (input.cancel != nullptr && input.cancel->load(std::memory_order_relaxed)) {
      return Status::error(Code::cancelled, "executor: cancelled in layer %u", program.graph().nodes[n].layer);
    }
    RUNNEL_TRY(program.run_node(n, workers));
  }
  return program.end_step(input);
}

const ExecutorPlan& CpuExecutor::plan() const noexcept { return impl_->plan; }

}  // namespace runnel
