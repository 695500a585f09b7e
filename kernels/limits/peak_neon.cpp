// smull, smlal2 and a pairwise add: Armv8.0 has no wider product of bytes.
#include "kernels/simd/f32x16_neon.h"

namespace runnel {
namespace {

struct Int8Dot {
  static constexpr uint32_t kMacs = 16, kBytes = 16;
  using Operand = int8x16_t;
  using Sum = int32x4_t;
  static Sum zero() noexcept { return vdupq_n_s32(0); }
  static Operand load(const uint8_t* p) noexcept { return vld1q_s8(reinterpret_cast<const int8_t*>(p)); }
  static Sum dot(Sum sum, Operand a, Operand b) noexcept {
    return vpadalq_s16(sum, vmlal_high_s8(vmull_s8(vget_low_s8(a), vget_low_s8(b)), a, b));
  }
  static int32_t low(Sum sum) noexcept { return vgetq_lane_s32(sum, 0); }
};

}  // namespace
}  // namespace runnel

// The types come first.
#include "kernels/limits/peak_rows.h"

namespace runnel {

extern const PeakLoops peak_neon;
constinit const PeakLoops peak_neon = {"neon", Isa::neon, peak_int8, peak_f32, peak_read};

}  // namespace runnel
