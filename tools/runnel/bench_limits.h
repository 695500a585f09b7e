// The machine's limits beside a benchmark: measured before and after the runs that are held against them, since a
// machine's rates drift (clock, neighbours), and the better of the two kept.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <vector>

namespace runnel::tools {

struct MachineLimits {
  uint32_t threads = 0;
  double read_gb_s = 0, int8_gmac_s = 0;  // 0: could not be measured
};

// Measures in a process of its own: the memory that it reads through is not the benchmark's. Requires: the process has
// no other thread.
void measure_limits(MachineLimits* limits);

// Share of the limit that binds, in percent, of so many bytes and multiply-adds in `ms`.
double percent_of_limit(const MachineLimits& limits, double bytes, double macs, double ms);

void print_limits(const std::vector<MachineLimits>& limits);
nlohmann::ordered_json limits_json(const MachineLimits& limits);

}  // namespace runnel::tools
