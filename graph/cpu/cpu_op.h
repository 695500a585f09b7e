// How the CPU runs an op: phases of independent units of work, with sizes that follow from shapes alone.
//
// prepare() is called once, when an executor is made or only planned: it picks kernels and says how much scratch a step
// of the largest size needs. Then each step calls split() and run() phase by phase, all units of a phase before the
// next. Nothing here allocates or fails after prepare(). Results never depend on how units are cut or on the worker.
#pragma once

#include <cstdint>
#include <cstring>
#include <type_traits>

#include "graph/cpu/executor.h"
#include "graph/cpu/kv_layout.h"
#include "graph/op.h"
#include "kernels/base/parallel_for.h"
#include "kernels/vector/vector.h"

namespace runnel {

// An input or output of a node.
struct CpuOperand {
  float* data = nullptr;             // activations: row 0 (null while only planning); rows are `stride` floats apart
  const uint8_t* weights = nullptr;  // weights: packed bytes (null while only planning, and for streamed ones)
  std::span<const WeightRun> runs;   // streamed weights: what of them is there, while panels are computed
  const TensorDesc* desc = nullptr;  // weights
  size_t stride = 0;
  uint32_t rows = 0;  // of this step; in prepare() the most there can be
  uint32_t cols = 0;
  Rows kind = Rows::fixed;
  bool aligned = false;  // every row begins at a multiple of 64 bytes

  float* row(uint32_t r) const noexcept { return data + r * stride; }
  const float* vector() const noexcept { return reinterpret_cast<const float*>(weights); }  // of a (1, cols) weight
};

// What prepare() remembers for run(): each op keeps a small plain struct of its own.
class CpuState {
 public:
  template <class T>
  T& as() noexcept {
    static_assert(sizeof(T) <= sizeof bytes_ && alignof(T) <= 8 && std::is_trivially_copyable_v<T>);
    return *reinterpret_cast<T*>(bytes_);
  }
  template <class T>
  const T& as() const noexcept {
    return const_cast<CpuState*>(this)->as<T>();
  }

 private:
  alignas(8) unsigned char bytes_[64] = {};
};

// A node, ready to run.
struct CpuCall {
  const OpDef* op = nullptr;
  CpuOperand in[kMaxInputs];
  CpuOperand out[kMaxOutputs];
  uint32_t input_count = 0;
  uint32_t output_count = 0;
  const double* attrs = nullptr;
  CpuState state;
};

// What all nodes of one step share.
struct CpuStep {
  uint32_t tokens = 0;
  uint32_t outputs = 0;
  uint32_t first_position = 0;
  const int32_t* ids = nullptr;
  const uint32_t* output_rows = nullptr;
  uint8_t* const* const* pages = nullptr;  // by KvPart::group
  const VectorOps* vector = nullptr;       // row operations of the chosen instruction set
  uint8_t* shared = nullptr;               // the node's scratch, 64-byte aligned
  uint8_t* worker_scratch = nullptr;       // worker w's begins at w * worker_stride
  size_t worker_stride = 0;
  // One a worker: the number of the node whose once-a-worker preparation its scratch holds.
  struct alignas(64) WorkerMark {
    uint64_t node_number = 0;
  };
  WorkerMark* marks = nullptr;
  uint64_t node_number = 0;  // counts nodes run over the executor's life; never 0

  uint8_t* scratch(uint32_t worker) const noexcept { return worker_scratch + worker * worker_stride; }
};

struct CpuPrepare {
  const ExecutorOptions& options;
  const KvLayout& kv;
  std::span<const StateSlot> slots;
  CpuCall& call;
  uint64_t shared_bytes = 0;       // written: scratch of the node
  uint64_t worker_bytes = 0;       // written: scratch of each worker
  uint64_t packed_copy_bytes = 0;  // written: private weights
};

// `units` pieces of work, handed out at most `grain` at a time. units <= grain runs on the calling thread: right for
// what is cheaper than waking a worker. Functions of shapes, positions and the planned number of workers.
struct Split {
  uint32_t units = 0;
  uint32_t grain = 1;
  bool is_job() const noexcept { return units > grain; }  // goes to the workers
};

inline void run_split(Split split, SliceFn fn, void* context, ParallelFor& workers) noexcept {
  if (split.is_job()) return workers.run(split.units, split.grain, fn, context);
  fn(context, {0, split.units}, 0);
}

inline constexpr uint32_t kMaxPhases = 4;
inline constexpr uint32_t kNoPhase = UINT32_MAX;
inline constexpr uint32_t kPanelInput = 1;

struct CpuOp {
  Status (*prepare)(CpuPrepare& prepare) noexcept = nullptr;  // may be null: nothing to prepare
  // For ops with private copies of weights, may both be null. Once addresses are known; `shared` is the node's scratch.
  // unload() is called once after every load(), failed or not.
  Status (*load)(CpuCall& call, uint8_t* shared) noexcept = nullptr;
  void (*unload)(CpuCall& call) noexcept = nullptr;
  uint32_t phases = 1;                       // at most kMaxPhases
  const char* const* phase_names = nullptr;  // one a phase, for profiles; may be null where there is only one
  int32_t work_phase = -1;                   // for profiles: the one that reads what the op reads; -1: the last
  // The phase whose units are the panels of input kPanelInput and that can run for some of them, finding them in
  // CpuOperand::runs; such a matrix can be streamed.
  uint32_t panel_phase = kNoPhase;
  // Reads of input 0 nothing but the rows that the step's ids name; such a table can be read by row.
  bool looks_up_rows = false;
  Split (*split)(const CpuCall& call, const CpuStep& step, uint32_t phase) noexcept = nullptr;
  void (*run)(const CpuCall& call, const CpuStep& step, uint32_t phase, Slice slice,
              uint32_t worker) noexcept = nullptr;
};

// For ops that go row by row: a unit is a row of output 0, a slice some 8192 values.
Split split_rows(const CpuCall& call, const CpuStep& step, uint32_t phase) noexcept;

}  // namespace runnel
