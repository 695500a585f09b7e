// Monotonic time.
#pragma once

#include <cstdint>

namespace runnel {

uint64_t now_ns() noexcept;
void sleep_ns(uint64_t ns) noexcept;  // at least so long, unless a signal comes

}  // namespace runnel
