#include "tools/runnel/bench_limits.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "runtime/limits/limits.h"
#include "tools/runnel/json_output.h"

namespace runnel::tools {

void measure_limits(MachineLimits* limits) {
  int ends[2];
  if (::pipe(ends) != 0) return;
  const pid_t child = ::fork();
  if (child == 0) {
    const double rates[] = {read_gb_s(limits->threads), int8_gmac_s(limits->threads)};
    const bool written = ::write(ends[1], rates, sizeof rates) == sizeof rates;
    ::_exit(written ? 0 : 1);
  }
  ::close(ends[1]);
  double rates[2] = {};
  if (child > 0) {
    if (::read(ends[0], rates, sizeof rates) != sizeof rates) rates[0] = rates[1] = 0;
    while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  ::close(ends[0]);
  limits->read_gb_s = std::max(limits->read_gb_s, rates[0]);
  limits->int8_gmac_s = std::max(limits->int8_gmac_s, rates[1]);
}

double percent_of_limit(const MachineLimits& limits, double bytes, double macs, double ms) {
  const double read = limits.read_gb_s > 0 ? bytes * 1e-6 / ms / limits.read_gb_s : 0;
  const double multiply = limits.int8_gmac_s > 0 ? macs * 1e-6 / ms / limits.int8_gmac_s : 0;
  return 100 * std::max(read, multiply);
}

void print_limits(const std::vector<MachineLimits>& limits) {
  for (const MachineLimits& l : limits)
    std::printf(
        "limits of this machine, %u thread%s: read %.1f GB/s, int8 %.0f GMAC/s (the better of before and after)\n",
        l.threads, l.threads == 1 ? "" : "s", l.read_gb_s, l.int8_gmac_s);
}

Json limits_json(const MachineLimits& limits) {
  return {{"threads", limits.threads}, {"read_gb_s", limits.read_gb_s}, {"int8_gmac_s", limits.int8_gmac_s}};
}

}  // namespace runnel::tools
