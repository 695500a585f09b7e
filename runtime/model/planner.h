// The memory plan from a verified graph: bytes by class, the longest context and the most sessions that fit a budget.
//
// Arithmetic: nothing is reserved and no weight is touched. Thread rule: any thread.
#pragma once

#include "graph/cpu/executor.h"
#include "graph/file/model_file.h"
#include "runnel/plan.h"
#include "runtime/devices/import_weights.h"
#include "runtime/snapshot/root.h"
#include "runtime/weights/streamed_weights.h"

namespace runnel {

// 32 tokens: a page of a small model is some tens of KiB, and at most 31 tokens' room is left over.
inline constexpr uint32_t kPageShift = 5;

// Checks the ranges of everything that open() and plan_model() are told. invalid_argument names the option.
Status check_open_options(const OpenOptions& options) noexcept;

// The kernels to use: active_isa() lowered by options.isa. Statuses: invalid_argument (no such name), unsupported (this
// CPU does not have it).
Result<Isa> choose_isa(const char* isa) noexcept;

struct ResolvedPlan {
  MemoryPlan memory;
  ExecutorOptions executor;
  StreamSplit split;  // of streamed weights
};

// Resolves every default (threads, step length, budget, context) and plans. A plan that does not fit is not an error.
// Requires: options are checked. on_device: where options name a back end.
Result<ResolvedPlan> make_plan(const ModelFile& file, const OpenOptions& options,
                               const DeviceWeightsPlan& on_device) noexcept;

// What snapshots of this model's sessions are keyed by.
SnapshotKey make_snapshot_key(const ModelFile& file, const ExecutorOptions& options, const ExecutorPlan& plan) noexcept;

// over_budget, with the numbers and what would fit. Requires: !plan.fits.
Status over_budget(const MemoryPlan& plan, const OpenOptions& options) noexcept;

}  // namespace runnel
