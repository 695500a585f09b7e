#include "kernels/base/clock.h"

#include <time.h>

namespace runnel {

uint64_t now_ns() noexcept {
  timespec time = {};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<uint64_t>(time.tv_sec) * 1'000'000'000u + static_cast<uint64_t>(time.tv_nsec);
}

void sleep_ns(uint64_t ns) noexcept {
  const timespec time = {static_cast<time_t>(ns / 1'000'000'000u), static_cast<long>(ns % 1'000'000'000u)};
  nanosleep(&time, nullptr);
}

}  // namespace runnel
