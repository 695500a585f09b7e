// A build without XNNPACK: asking for it is a status.
#include "graph/cpu/float_linear.h"

namespace runnel {

Status float_linear_ready() noexcept {
  return Status::error(Code::unsupported, "xnnpack: this build does not have it (RUNNEL_XNNPACK=OFF)");
}

// Nothing below is reached: an executor asks float_linear_ready() first.
uint32_t float_linear_chunk_rows(uint32_t rows, uint32_t) noexcept { return rows; }
uint64_t float_linear_bytes(uint32_t, uint32_t) noexcept { return 0; }
uint64_t float_linear_scratch_bytes(uint32_t, uint32_t) noexcept { return 0; }
Result<FloatLinear*> create_float_linear(const FloatLinearSource&) noexcept { return float_linear_ready(); }
void destroy_float_linear(FloatLinear*) noexcept {}
void run_float_linear(FloatLinear*, uint32_t, uint32_t, const float*, float*) noexcept {}

}  // namespace runnel
