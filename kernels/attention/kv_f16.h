// Float16: the usual type. Values beyond its range are clamped to its largest ones.
#pragma once

#include "kernels/attention/kv_block.h"
#include "kernels/simd/f32x16_math.h"

namespace runnel {
namespace {

struct KvF16 {
  static constexpr KvType kType = KvType::f16;
  static constexpr bool kWiden = true;
  using Number = uint16_t;

  // Column kColumn of those that begin at p: 16 numbers, or the first `count`.
  template <int kColumn>
  static F32x16 at(const uint8_t* p) noexcept {
    return F32x16::load_f16(reinterpret_cast<const uint16_t*>(p) + 16 * kColumn);
  }
  template <int kColumn>
  static F32x16 at(const uint8_t* p, uint32_t count) noexcept {
    return load_part_f16(reinterpret_cast<const uint16_t*>(p) + 16 * kColumn, count);
  }
  static void narrow(const float* x, uint32_t n, uint16_t* out) noexcept {
    const F32x16 largest = F32x16::set1(65504.0f), lowest = F32x16::set1(-65504.0f);
    const auto clamp = [&](F32x16 v) { return F32x16::max(F32x16::min(v, largest), lowest); };
    uint32_t d = 0;
    for (; d + 16 <= n; d += 16) clamp(F32x16::load(x + d)).store_f16(out + d);
    if (d < n) store_part_f16(clamp(load_part(x + d, n - d)), out + d, n - d);
  }
};

}  // namespace
}  // namespace runnel
