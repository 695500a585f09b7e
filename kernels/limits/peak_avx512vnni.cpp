// vpdpbusd on 512 bits.
#include "kernels/simd/f32x16_avx512.h"

namespace runnel {
namespace {

struct Int8Dot {
  static constexpr uint32_t kMacs = 64, kBytes = 64;
  using Operand = __m512i;
  using Sum = __m512i;
  static Sum zero() noexcept { return _mm512_setzero_si512(); }
  static Operand load(const uint8_t* p) noexcept { return _mm512_load_si512(p); }
  static Sum dot(Sum sum, Operand a, Operand b) noexcept { return _mm512_dpbusd_epi32(sum, a, b); }
  static int32_t low(Sum sum) noexcept {
    int32_t lane;
    __builtin_memcpy(&lane, &sum, sizeof(lane));
    return lane;
  }
};

}  // namespace
}  // namespace runnel

// The types come first.
#include "kernels/limits/peak_rows.h"

namespace runnel {

extern const PeakLoops peak_avx512vnni;
constinit const PeakLoops peak_avx512vnni = {"avx512vnni", Isa::avx512vnni, peak_int8, peak_f32, peak_read};

}  // namespace runnel
