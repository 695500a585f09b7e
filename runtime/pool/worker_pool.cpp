#include "runtime/pool/worker_pool.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <new>

#include "kernels/base/checked.h"
#include "kernels/base/clock.h"
#include "kernels/base/memory.h"
#include "runnel/array.h"
#include "runtime/os/pause.h"
#include "runtime/os/thread.h"

namespace runnel {
namespace {

// Long enough for the gap between two nodes of a step, short enough to cost no battery between two steps of a chat.
constexpr uint64_t kSpinNs = 30'000;

// True as soon as done() is, false when the time for spinning is over. The clock is asked every 32 pauses only.
template <class Done>
bool spin_until(Done done) noexcept {
  uint64_t deadline = 0;
  for (uint32_t turn = 1;; ++turn) {
    if (done()) return true;
    pause_cpu();
    if (turn % 32 == 0) {
      const uint64_t now = now_ns();
      if (deadline == 0) deadline = now + kSpinNs;
      if (now >= deadline) return false;
    }
  }
}

}  // namespace

// A job is published by storing its ticket: job number in the high half, chunks not yet claimed in the low half. A
// chunk is claimed by a compare-exchange of the whole ticket. The job's fields are rewritten only when all of its
// chunks are done, so a claim that succeeds on a ticket with chunks left proves that the fields read before it were
// that job's; a worker that comes late finds no chunk left, or fails.
struct WorkerPool::Impl {
  struct Worker {
    Impl* pool = nullptr;
    uint32_t index = 0;
    Thread thread;
  };

  alignas(kCacheLineBytes) std::atomic<uint64_t> ticket{0};
  alignas(kCacheLineBytes) std::atomic<uint32_t> done_chunks{0};
  alignas(kCacheLineBytes) std::atomic<uint32_t> signal{0};  // counts jobs; what sleepers wait on
  std::atomic<uint32_t> active{1};  // workers of lower index take part; the others wait on this
  std::atomic<bool> yielding{false};
  std::atomic<bool> stop{false};
  std::atomic<SliceFn> fn{nullptr};
  std::atomic<void*> context{nullptr};
  std::atomic<uint32_t> units{0}, grain{1}, chunks{0};

  Worker* workers = nullptr;  // started ones, index 1 .. worker_count - 1
  uint32_t worker_count = 1;

  void work(uint32_t worker) noexcept;
  void run_alone(uint32_t units, uint32_t grain, SliceFn job, void* job_context) const noexcept;
  template <class Done>
  bool spin(Done done) const noexcept {
    return yielding.load(std::memory_order_relaxed) ? done() : spin_until(done);
  }
  static void worker_main(void* context) noexcept;
};

void WorkerPool::Impl::work(uint32_t worker) noexcept {
  uint64_t seen = ticket.load(std::memory_order_acquire);
  for (;;) {
    const uint32_t left = static_cast<uint32_t>(seen);
    if (left == 0 || worker >= active.load(std::memory_order_relaxed)) return;
    const uint32_t chunk_count = chunks.load(std::memory_order_relaxed);
    const SliceFn job = fn.load(std::memory_order_relaxed);
    void* const job_context = context.load(std::memory_order_relaxed);
    const uint32_t job_units = units.load(std::memory_order_relaxed);
    const uint32_t job_grain = grain.load(std::memory_order_relaxed);
    if (!ticket.compare_exchange_weak(seen, seen - 1, std::memory_order_acq_rel, std::memory_order_acquire)) continue;
    const uint32_t begin = (chunk_count - left) * job_grain;
    job(job_context, {begin, job_units - begin > job_grain ? begin + job_grain : job_units}, worker);
    if (done_chunks.fetch_add(1, std::memory_order_acq_rel) + 1 == chunk_count) done_chunks.notify_one();
    if (yielding.load(std::memory_order_relaxed)) sched_yield();
    seen = ticket.load(std::memory_order_acquire);
  }
}

void WorkerPool::Impl::run_alone(uint32_t job_units, uint32_t job_grain, SliceFn job,
                                 void* job_context) const noexcept {
  if (!yielding.load(std::memory_order_relaxed)) return SerialFor().run(job_units, job_grain, job, job_context);
  for (uint32_t begin = 0; begin < job_units;) {
    const uint32_t end = job_units - begin > job_grain ? begin + job_grain : job_units;
    job(job_context, {begin, end}, 0);
    sched_yield();
    begin = end;
  }
}

void WorkerPool::Impl::worker_main(void* context) noexcept {
  const Worker* self = static_cast<const Worker*>(context);
  Impl& pool = *self->pool;
  for (uint32_t seen = 0;;) {
    const uint32_t active = pool.active.load(std::memory_order_acquire);
    if (self->index >= active) {
      pool.active.wait(active, std::memory_order_acquire);
      continue;
    }
    const auto signalled = [&] { return pool.signal.load(std::memory_order_acquire) != seen; };
    if (!pool.spin(signalled)) pool.signal.wait(seen, std::memory_order_acquire);
    seen = pool.signal.load(std::memory_order_acquire);
    if (pool.stop.load(std::memory_order_relaxed)) return;
    pool.work(self->index);
  }
}

Result<WorkerPool> WorkerPool::create(uint32_t threads) noexcept {
  if (threads == 0 || threads > kMaxThreads)
    return Status::error(Code::invalid_argument, "worker pool: %u threads, expected 1 to %u", threads, kMaxThreads);
  void* memory = allocate(sizeof(Impl), alignof(Impl));
  if (memory == nullptr) return out_of_memory("worker pool", "its state");
  WorkerPool pool(new (memory) Impl);
  Impl& impl = *pool.impl_;
  if (threads == 1) return pool;
  void* table = allocate((threads - 1) * sizeof(Impl::Worker), alignof(Impl::Worker));
  if (table == nullptr) return out_of_memory("worker pool", "its threads");
  impl.workers = static_cast<Impl::Worker*>(table);
  for (uint32_t i = 1; i < threads; ++i) {
    Impl::Worker* worker = new (&impl.workers[i - 1]) Impl::Worker;
    worker->pool = &impl;
    worker->index = i;
    if (!worker->thread.start(Impl::worker_main, worker, "runnel")) {
      worker->~Worker();
      break;
    }
    ++impl.worker_count;
  }
  pool.set_effort(0, false);
  return pool;
}

WorkerPool::WorkerPool(WorkerPool&& other) noexcept : impl_(std::exchange(other.impl_, nullptr)) {}

WorkerPool& WorkerPool::operator=(WorkerPool&& other) noexcept {
  std::swap(impl_, other.impl_);
  return *this;
}

WorkerPool::~WorkerPool() {
  if (impl_ == nullptr) return;
  impl_->stop.store(true, std::memory_order_relaxed);
  set_effort(0, false);
  impl_->signal.fetch_add(1, std::memory_order_release);
  impl_->signal.notify_all();
  for (uint32_t i = 1; i < impl_->worker_count; ++i) impl_->workers[i - 1].~Worker();  // joins
  release(impl_->workers);
  impl_->~Impl();
  release(impl_);
}

uint32_t WorkerPool::worker_count() const noexcept { return impl_ == nullptr ? 1 : impl_->worker_count; }

void WorkerPool::set_effort(uint32_t threads, bool yielding) noexcept {
  if (impl_ == nullptr) return;
  impl_->yielding.store(yielding, std::memory_order_relaxed);
  impl_->active.store(threads == 0 ? impl_->worker_count : std::min(threads, impl_->worker_count),
                      std::memory_order_release);
  impl_->active.notify_all();
}

void WorkerPool::run(uint32_t units, uint32_t grain, SliceFn fn, void* context) noexcept {
  if (units == 0) return;
  if (grain == 0) grain = 1;
  const uint32_t chunks = ceil_div(units, grain);
  if (impl_ == nullptr) return SerialFor().run(units, grain, fn, context);
  Impl& pool = *impl_;
  if (pool.active.load(std::memory_order_relaxed) == 1 || chunks == 1) return pool.run_alone(units, grain, fn, context);
  pool.fn.store(fn, std::memory_order_relaxed);
  pool.context.store(context, std::memory_order_relaxed);
  pool.units.store(units, std::memory_order_relaxed);
  pool.grain.store(grain, std::memory_order_relaxed);
  pool.chunks.store(chunks, std::memory_order_relaxed);
  pool.done_chunks.store(0, std::memory_order_relaxed);
  const uint64_t job = (pool.ticket.load(std::memory_order_relaxed) >> 32) + 1;
  pool.ticket.store(job << 32 | chunks, std::memory_order_release);
  pool.signal.fetch_add(1, std::memory_order_release);
  pool.signal.notify_all();
  pool.work(0);
  const auto all_done = [&] { return pool.done_chunks.load(std::memory_order_acquire) == chunks; };
  while (!pool.spin(all_done)) {
    const uint32_t done = pool.done_chunks.load(std::memory_order_acquire);
    if (done != chunks) pool.done_chunks.wait(done, std::memory_order_acquire);
  }
}

}  // namespace runnel
