// vpmaddubsw, vpmaddwd, vpaddd: three instructions for 32 products.
#include "kernels/simd/f32x16_avx2.h"

namespace runnel {
namespace {

struct Int8Dot {
  static constexpr uint32_t kMacs = 32, kBytes = 32;
  using Operand = __m256i;
  using Sum = __m256i;
  static Sum zero() noexcept { return _mm256_setzero_si256(); }
  static Operand load(const uint8_t* p) noexcept { return _mm256_load_si256(reinterpret_cast<const __m256i*>(p)); }
  static Sum dot(Sum sum, Operand a, Operand b) noexcept {
    const __m256i pairs = _mm256_maddubs_epi16(a, b);
    return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
  }
  static int32_t low(Sum sum) noexcept { return _mm_cvtsi128_si32(_mm256_castsi256_si128(sum)); }
};

}  // namespace
}  // namespace runnel

// The types come first.
#include "kernels/limits/peak_rows.h"

namespace runnel {

extern const PeakLoops peak_avx2;
constinit const PeakLoops peak_avx2 = {"avx2", Isa::avx2, peak_int8, peak_f32, peak_read};

}  // namespace runnel
