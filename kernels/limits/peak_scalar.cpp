// Plain loops.
#include "kernels/simd/f32x16_scalar.h"

namespace runnel {
namespace {

struct Int8Dot {
  static constexpr uint32_t kMacs = 16, kBytes = 16;
  struct Operand {
    const int8_t* at;
  };
  using Sum = uint32_t;  // wraps
  static Sum zero() noexcept { return 0; }
  static Operand load(const uint8_t* p) noexcept { return {reinterpret_cast<const int8_t*>(p)}; }
  static Sum dot(Sum sum, Operand a, Operand b) noexcept {
    for (uint32_t i = 0; i < kMacs; ++i) sum += static_cast<uint32_t>(a.at[i] * b.at[i]);
    return sum;
  }
  static int32_t low(Sum sum) noexcept { return static_cast<int32_t>(sum); }
};

}  // namespace
}  // namespace runnel

// The types come first.
#include "kernels/limits/peak_rows.h"

namespace runnel {

extern const PeakLoops peak_scalar;
constinit const PeakLoops peak_scalar = {"scalar", Isa::scalar, peak_int8, peak_f32, peak_read};

}  // namespace runnel
