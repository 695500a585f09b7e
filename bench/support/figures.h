// What every row prints beside its time: GB/s, GMAC/s, and the percentages of what one core of this machine can do,
// measured in the same run.
//
// Rows run on one thread and all rates are by that thread's processor time, limits too: other programs take the core
// away without spoiling them, as long as they leave caches and memory alone.
#pragma once

#include <benchmark/benchmark.h>

namespace runnel::bench {

struct CoreLimits {
  double read_gb_s = 0, int8_gmac_s = 0, f32_gmac_s = 0;
};

// Measured anew when the last measurement is older than 20 seconds, since machines drift.
const CoreLimits& core_limits();

// none: neither limit says anything, operands lie in caches.
enum class Arithmetic { none, int8, f32 };

// Measures a row's loop: made right before it, asked right after.
class Figures {
 public:
  Figures();  // and the limits, when they are due
  // Of one iteration. Sets the counters GB/s and read% for bytes > 0, GMAC/s and mac% (of the limit of `arithmetic`)
  // for macs > 0.
  void set(benchmark::State& state, double bytes, double macs, Arithmetic arithmetic) const;
  // Iterations a second of processor time.
  double rate(const benchmark::State& state) const;

 private:
  double start_;
};

// Bytes beyond any cache, also where a server has hundreds of MiB: what single-token rows walk their weights in.
inline constexpr size_t kBeyondCache = size_t{512} << 20;

}  // namespace runnel::bench
