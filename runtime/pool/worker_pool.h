// The worker pool: runs the slices of a step over a fixed set of threads, the caller among them.
//
// Work is cut into chunks of `grain` units whatever the number of threads, and chunks are claimed from one counter, so
// a thread that the system took away delays a step by its own chunk at most. Idle workers spin shortly (the next node
// of a step is microseconds away), then sleep. run() allocates nothing. Threads are never pinned.
//
// A pool that yields never spins, and offers its core to whoever waits for one after each chunk: what a background app
// owes the one in front. This needs no right of the process and can be taken back, as lower priorities cannot.
//
// Thread rule: one run() at a time; construction and destruction one thread at a time; set_effort() any thread.
#pragma once

#include <cstdint>

#include "kernels/base/parallel_for.h"
#include "runnel/status.h"

namespace runnel {

class WorkerPool final : public ParallelFor {
 public:
  // `threads` counts the caller's (1: no thread is started). When the system gives fewer, the pool has fewer:
  // worker_count() says how many. Statuses: invalid_argument (0 or more than 256), out_of_memory.
  static Result<WorkerPool> create(uint32_t threads) noexcept;
  WorkerPool(WorkerPool&& other) noexcept;
  WorkerPool& operator=(WorkerPool&& other) noexcept;
  ~WorkerPool();  // joins

  void run(uint32_t units, uint32_t grain, SliceFn fn, void* context) noexcept override;
  uint32_t worker_count() const noexcept override;
  // From the next job on (workers busy with one leave after their chunk), at most `threads` of the pool's work, the
  // caller's included; 0: all.
  void set_effort(uint32_t threads, bool yielding) noexcept;

  static constexpr uint32_t kMaxThreads = 256;

 private:
  struct Impl;
  explicit WorkerPool(Impl* impl) noexcept : impl_(impl) {}
  Impl* impl_ = nullptr;
};

}  // namespace runnel
