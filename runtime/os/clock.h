// Monotonic time.
#pragma once

#include <cstdint>

namespace runnel {

uint64_t now_ns() noexcept;

}  // namespace runnel
