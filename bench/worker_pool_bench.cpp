// The worker pool beside pthreadpool, on what a decode step looks like: many short jobs right after one another.
// Arguments: threads, nanoseconds of work a chunk. Time is of one job of 64 chunks.
#include <benchmark/benchmark.h>
#include <pthreadpool.h>

#include <memory>

#include "kernels/base/clock.h"
#include "runtime/pool/worker_pool.h"

namespace runnel {
namespace {

constexpr uint32_t kChunks = 64;

void spend(uint64_t ns) noexcept {
  const uint64_t end = now_ns() + ns;
  while (ns != 0 && now_ns() < end) {
  }
}

void our_chunk(void* context, Slice, uint32_t) noexcept { spend(*static_cast<const uint64_t*>(context)); }
void their_chunk(void* context, size_t, size_t) { spend(*static_cast<const uint64_t*>(context)); }

void BM_ours(benchmark::State& state) {
  auto pool = WorkerPool::create(static_cast<uint32_t>(state.range(0)));
  uint64_t ns = static_cast<uint64_t>(state.range(1));
  for (auto _ : state) pool->run(kChunks, 1, our_chunk, &ns);
}

void BM_pthreadpool(benchmark::State& state) {
  const std::unique_ptr<pthreadpool, decltype(&pthreadpool_destroy)> pool(
      pthreadpool_create(static_cast<size_t>(state.range(0))), &pthreadpool_destroy);
  uint64_t ns = static_cast<uint64_t>(state.range(1));
  for (auto _ : state) pthreadpool_parallelize_1d_tile_1d(pool.get(), their_chunk, &ns, kChunks, 1, 0);
}

#define POOL_ARGUMENTS ArgsProduct({{1, 2, 4}, {0, 200, 2000}})->UseRealTime()->Unit(benchmark::kMicrosecond)
BENCHMARK(BM_ours)->POOL_ARGUMENTS;
BENCHMARK(BM_pthreadpool)->POOL_ARGUMENTS;

}  // namespace
}  // namespace runnel
