// How a step hands work to threads: a function over a range of units, cut into chunks that do not depend on the
// number of threads, so that 1 and 4 threads give the same bits.
#pragma once

#include <cstdint>

namespace runnel {

// Half-open range of work units [begin, end).
struct Slice {
  uint32_t begin;
  uint32_t end;
};

// `worker` (0 <= worker < worker_count) names the private scratch a chunk may use; nothing else may depend on it.
using SliceFn = void (*)(void* context, Slice slice, uint32_t worker) noexcept;

// Runs the slices of [0, units), each at most `grain` units long, and returns when all are done. Implemented by the
// runtime's worker pool; SerialFor below runs on the calling thread. Thread rule: one run() at a time.
class ParallelFor {
 public:
  virtual void run(uint32_t units, uint32_t grain, SliceFn fn, void* context) noexcept = 0;
  virtual uint32_t worker_count() const noexcept = 0;

 protected:
  ~ParallelFor() = default;
};

class SerialFor final : public ParallelFor {
 public:
  void run(uint32_t units, uint32_t grain, SliceFn fn, void* context) noexcept override {
    for (uint32_t begin = 0; begin < units;) {
      const uint32_t end = units - begin > grain ? begin + grain : units;
      fn(context, {begin, end}, 0);
      begin = end;
    }
  }
  uint32_t worker_count() const noexcept override { return 1; }
};

}  // namespace runnel
