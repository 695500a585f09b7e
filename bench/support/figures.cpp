#include "bench/support/figures.h"

#include <time.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "kernels/limits/peak.h"

namespace runnel::bench {
namespace {

double seconds(clockid_t clock) {
  timespec time = {};
  clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

// Best of several runs of fn, which returns the work that it did; 1e9 of it a second.
template <class Fn>
double best_rate(Fn fn) {
  double best = 0;
  for (int i = 0; i < 5; ++i) {
    const double start = seconds(CLOCK_THREAD_CPUTIME_ID);
    const double work = fn();
    best = std::max(best, 1e-9 * work / (seconds(CLOCK_THREAD_CPUTIME_ID) - start));
  }
  return best;
}

CoreLimits measure() {
  alignas(64) static uint8_t operands[kPeakOperandBytes];
  int32_t sink = 0;
  const PeakLoops& loops = peak_loops(active_isa());
  const auto rate = [&](PeakFn loop) {
    // As many rounds as take some milliseconds, whatever the instruction set.
    const double macs_a_round = static_cast<double>(loop(operands, 1, &sink));
    const auto rounds = static_cast<uint32_t>(5e8 / macs_a_round);
    return best_rate([&] { return static_cast<double>(loop(operands, rounds, &sink)); });
  };
  CoreLimits limits;
  for (uint32_t i = 0; i < kPeakOperandBytes; ++i) operands[i] = static_cast<uint8_t>(i * 7 % 64);
  limits.int8_gmac_s = rate(loops.int8);
  std::memset(operands, 0, sizeof operands);
  limits.f32_gmac_s = rate(loops.f32);
  static const std::vector<float> values(kBeyondCache / sizeof(float), 1);
  limits.read_gb_s = best_rate([&] {
    double bytes = 0;
    constexpr size_t kChunk = size_t{1} << 18;
    for (size_t i = 0; i < values.size(); i += kChunk)
      bytes += static_cast<double>(loops.read(values.data() + i, kChunk, &sink));
    return bytes;
  });
  benchmark::DoNotOptimize(sink);
  return limits;
}

}  // namespace

const CoreLimits& core_limits() {
  static CoreLimits limits;
  static double measured_at = -1e9;
  if (seconds(CLOCK_MONOTONIC) - measured_at > 20) {
    limits = measure();
    measured_at = seconds(CLOCK_MONOTONIC);
  }
  return limits;
}

Figures::Figures() {
  core_limits();
  start_ = seconds(CLOCK_THREAD_CPUTIME_ID);
}

double Figures::rate(const benchmark::State& state) const {
  return static_cast<double>(state.iterations()) / (seconds(CLOCK_THREAD_CPUTIME_ID) - start_);
}

void Figures::set(benchmark::State& state, double bytes, double macs, Arithmetic arithmetic) const {
  const double calls_a_second = rate(state);
  const CoreLimits& limits = core_limits();
  if (bytes > 0) {
    const double gb_s = calls_a_second * bytes * 1e-9;
    state.counters["GB/s"] = gb_s;
    if (arithmetic != Arithmetic::none) state.counters["read%"] = 100 * gb_s / limits.read_gb_s;
  }
  if (macs > 0) {
    const double gmac_s = calls_a_second * macs * 1e-9;
    state.counters["GMAC/s"] = gmac_s;
    state.counters["mac%"] = 100 * gmac_s / (arithmetic == Arithmetic::int8 ? limits.int8_gmac_s : limits.f32_gmac_s);
  }
}

}  // namespace runnel::bench
