// Sixteen levels, denser about zero, times a float16 scale for each group of 32 along the head: 4.5 bits a number.
//
// Heads are rotated first (rotation.h), which spreads outlier channels over all dimensions and makes a group's numbers
// near normal: what the levels are for.
#pragma once

#include "kernels/attention/kv_group.h"
#include "kernels/half.h"
#include "kernels/simd/f32x16_math.h"

namespace runnel {
namespace {

alignas(16) constexpr int8_t kQ4Levels[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

struct KvQ4 {
  static constexpr KvType kType = KvType::q4;
  static constexpr int kHalves = 2;
  static constexpr bool kRotateKeys = true, kRotateValues = true;

  // Column kColumn, the low nibbles or the high ones, of 16 bytes or of the first `count`.
  template <int kColumn>
  static F32x16 at(const uint8_t* p) noexcept {
    return F32x16::load_levels<kColumn>(p, kQ4Levels);
  }
  template <int kColumn>
  static F32x16 at(const uint8_t* p, uint32_t count) noexcept {
    uint8_t lanes[16] = {};
    for (uint32_t i = 0; i < count; ++i) lanes[i] = p[i];
    return F32x16::load_levels<kColumn>(lanes, kQ4Levels);
  }

  // A group of n <= 32 numbers. The largest is tried on several places, each with the scale that least squares gives
  // for the levels chosen; the one that explains most of the sum of squares stays. Returns the scale, a float16.
  static uint16_t quantise(const float* x, uint32_t n, uint8_t* out) noexcept {
    constexpr float kPlaces[] = {-127, -113, 113, 101};
    float group[kKvGroup], index[kKvGroup], level[kKvGroup];
    float largest = clamp_group(x, n, group);
    for (uint32_t i = 0; i < n; ++i)
      if (group[i] == -largest) largest = -largest;
    float best = -1, best_scale = 0;
    for (const float place : kPlaces) {
      choose_levels(group, largest / place, index, level);
      for (uint32_t i = n; i < kKvGroup; ++i) level[i] = 0;
      F32x16 products = F32x16::set1(0), squares = F32x16::set1(0);
      for (uint32_t i = 0; i < kKvGroup; i += 16) {
        const F32x16 l = F32x16::load(level + i);
        products = F32x16::fma(l, F32x16::load(group + i), products);
        squares = F32x16::fma(l, l, squares);
      }
      const float product = products.reduce_add(), square = squares.reduce_add();
      if (product * product > best * square) {
        best = product * product / square;
        best_scale = product / square;
      }
    }
    const uint16_t scale = f32_to_f16(best_scale);
    choose_levels(group, f16_to_f32(scale), index, level);
    const uint32_t low = (n + 1) / 2;
    for (uint32_t i = 0; i < low; ++i) {
      const uint32_t high = low + i < n ? static_cast<uint32_t>(index[low + i]) : 0;
      out[i] = static_cast<uint8_t>(static_cast<uint32_t>(index[i]) | high << 4);
    }
    return scale;
  }

 private:
  // The nearest level to each number over the scale, and which it is.
  static void choose_levels(const float* group, float scale, float* index, float* level) noexcept {
    const F32x16 inverse = F32x16::set1(scale != 0 ? 1 / scale : 0), one = F32x16::set1(1);
    for (uint32_t i = 0; i < kKvGroup; i += 16) {
      const F32x16 v = F32x16::load(group + i) * inverse;
      F32x16 which = F32x16::set1(0), value = F32x16::set1(kQ4Levels[0]);
      for (int l = 1; l < 16; ++l) {
        const F32x16 middle = F32x16::set1(0.5f * static_cast<float>(kQ4Levels[l - 1] + kQ4Levels[l]));
        which = F32x16::select_less(v, middle, which, which + one);
        value = F32x16::select_less(v, middle, value, F32x16::set1(kQ4Levels[l]));
      }
      which.store(index + i);
      value.store(level + i);
    }
  }
};

}  // namespace
}  // namespace runnel
