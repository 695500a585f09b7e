// smmla: two rows by two rows of 8, 32 products.
#include "kernels/simd/f32x16_neon.h"

namespace runnel {
namespace {

struct Int8Dot {
  static constexpr uint32_t kMacs = 32, kBytes = 16;
  using Operand = int8x16_t;
  using Sum = int32x4_t;
  static Sum zero() noexcept { return vdupq_n_s32(0); }
  static Operand load(const uint8_t* p) noexcept { return vld1q_s8(reinterpret_cast<const int8_t*>(p)); }
  static Sum dot(Sum sum, Operand a, Operand b) noexcept { return vmmlaq_s32(sum, a, b); }
  static int32_t low(Sum sum) noexcept { return vgetq_lane_s32(sum, 0); }
};

}  // namespace
}  // namespace runnel

// The types come first.
#include "kernels/limits/peak_rows.h"

namespace runnel {

extern const PeakLoops peak_neon_i8mm;
constinit const PeakLoops peak_neon_i8mm = {"neon_i8mm", Isa::neon_i8mm, peak_int8, peak_f32, peak_read};

}  // namespace runnel
