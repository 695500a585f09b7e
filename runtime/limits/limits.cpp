#include "runtime/limits/limits.h"

#include <algorithm>
#include <atomic>
#include <cstring>

#include "kernels/base/checked.h"
#include "kernels/base/clock.h"
#include "kernels/base/memory.h"
#include "kernels/cpu_topology.h"
#include "kernels/limits/peak.h"
#include "runtime/pool/worker_pool.h"

namespace runnel {
namespace {

constexpr uint32_t kRuns = 5;
constexpr uint32_t kChunksPerThread = 8;  // a thread that the system took away holds the rest up by one chunk

// The best rate of several runs of fn over `chunks` chunks that do `work` each. Work per nanosecond is 1e9 per second.
double best_rate(WorkerPool* pool, uint32_t chunks, double work, SliceFn fn, void* context) noexcept {
  double best = 0;
  pool->run(chunks, 1, fn, context);  // wakes the workers, faults pages in, raises the clock
  for (uint32_t i = 0; i < kRuns; ++i) {
    const uint64_t start = now_ns();
    pool->run(chunks, 1, fn, context);
    const double rate = work / static_cast<double>(now_ns() - start);
    if (rate > best) best = rate;
  }
  return best;
}

constexpr size_t kReadChunk = size_t{1} << 20;

// Four times the last-level cache: of 256 MiB a Xeon with a cache of 260 MiB read 31 to 46 GB/s, of 1 GiB 31.
size_t read_bytes() noexcept {
  constexpr size_t kLeast = size_t{256} << 20, kMost = size_t{1} << 30;
  return std::clamp(round_up(size_t{cpu_topology().l3_bytes} * 4, kReadChunk), kLeast, kMost);
}

constexpr size_t kChunkFloats = kReadChunk / sizeof(float);

struct ReadContext {
  const float* values;
  PeakReadFn read;
  std::atomic<int32_t> sink;
};

void read_chunks(void* context, Slice slice, uint32_t) noexcept {
  auto* read = static_cast<ReadContext*>(context);
  int32_t sink = 0;
  for (uint32_t chunk = slice.begin; chunk < slice.end; ++chunk)
    read->read(read->values + chunk * kChunkFloats, kChunkFloats, &sink);
  read->sink.fetch_xor(sink, std::memory_order_relaxed);
}

void fill_chunks(void* context, Slice slice, uint32_t) noexcept {
  std::memset(static_cast<uint8_t*>(context) + slice.begin * kReadChunk, 1, (slice.end - slice.begin) * kReadChunk);
}

struct PeakContext {
  PeakFn loop;
  uint32_t rounds;
  const uint8_t* operands;
  std::atomic<int32_t> sink;
};

void run_peak(void* context, Slice slice, uint32_t) noexcept {
  auto* peak = static_cast<PeakContext*>(context);
  int32_t sink = 0;
  for (uint32_t i = slice.begin; i < slice.end; ++i) peak->loop(peak->operands, peak->rounds, &sink);
  peak->sink.fetch_xor(sink, std::memory_order_relaxed);
}

double peak_rate(uint32_t threads, PeakFn loop, const uint8_t* operands) noexcept {
  auto pool = WorkerPool::create(threads);
  if (!pool.ok()) return 0;
  // As many rounds a chunk as take about 2 ms.
  PeakContext context = {loop, 64, operands, {0}};
  int32_t sink = 0;
  uint64_t macs = 0;
  for (;; context.rounds *= 2) {
    const uint64_t start = now_ns();
    macs = loop(operands, context.rounds, &sink);
    if (now_ns() - start > 1000000 || context.rounds >= 1u << 24) break;
  }
  context.sink.fetch_xor(sink, std::memory_order_relaxed);
  const uint32_t chunks = pool->worker_count() * kChunksPerThread;
  return best_rate(&*pool, chunks, static_cast<double>(macs) * chunks, run_peak, &context);
}

}  // namespace

double read_gb_s(uint32_t threads) noexcept {
  auto pool = WorkerPool::create(threads);
  if (!pool.ok()) return 0;
  const size_t bytes = read_bytes();
  void* memory = allocate(bytes);
  if (memory == nullptr) return 0;
  const auto chunks = static_cast<uint32_t>(bytes / kReadChunk);
  pool->run(chunks, 1, fill_chunks, memory);
  ReadContext context = {static_cast<const float*>(memory), peak_loops(active_isa()).read, {0}};
  const double rate = best_rate(&*pool, chunks, static_cast<double>(bytes), read_chunks, &context);
  release(memory);
  return rate;
}

double int8_gmac_s(uint32_t threads) noexcept {
  alignas(64) uint8_t operands[kPeakOperandBytes];
  for (uint32_t i = 0; i < kPeakOperandBytes; ++i) operands[i] = static_cast<uint8_t>(i * 7 % 64);
  return peak_rate(threads, peak_loops(active_isa()).int8, operands);
}

double f32_gmac_s(uint32_t threads) noexcept {
  alignas(64) float operands[kPeakOperandBytes / sizeof(float)];
  for (uint32_t i = 0; i < kPeakOperandBytes / sizeof(float); ++i) operands[i] = static_cast<float>(i % 17) - 8;
  return peak_rate(threads, peak_loops(active_isa()).f32, reinterpret_cast<const uint8_t*>(operands));
}

}  // namespace runnel
