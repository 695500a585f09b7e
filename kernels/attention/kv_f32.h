// Floats: the type that adds no rounding of its own. Also a block's keys of other types once widened.
#pragma once

#include "kernels/attention/kv_block.h"
#include "kernels/simd/f32x16_math.h"

namespace runnel {
namespace {

struct KvF32 {
  static constexpr KvType kType = KvType::f32;
  static constexpr bool kWiden = false;
  using Number = float;

  // Column kColumn of those that begin at p: 16 numbers, or the first `count`.
  template <int kColumn>
  static F32x16 at(const uint8_t* p) noexcept {
    return F32x16::load(reinterpret_cast<const float*>(p) + 16 * kColumn);
  }
  template <int kColumn>
  static F32x16 at(const uint8_t* p, uint32_t count) noexcept {
    return load_part(reinterpret_cast<const float*>(p) + 16 * kColumn, count);
  }
  // An infinity would turn the zero weight of a masked key into NaN; and sums over all keys need room.
  static void narrow(const float* x, uint32_t n, float* out) noexcept {
    constexpr float kLargest = 1e30f;
    for (uint32_t d = 0; d < n; ++d) {
      const float low = x[d] < -kLargest ? -kLargest : x[d];
      out[d] = low > kLargest ? kLargest : low;
    }
  }
};

}  // namespace
}  // namespace runnel
