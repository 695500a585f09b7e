// tile_k.h a row at a time, in plain arithmetic.
#pragma once

#include "kernels/dtypes/iq4_levels.h"
#include "kernels/half.h"
#include "kernels/matmul/tile_k.h"

namespace runnel {
namespace {

struct KOpsScalar {
  using U = uint32_t;
  using I = int32_t;
  using F = float;
  using Q = const int8_t*;
  static constexpr int kParts = 16;
  static constexpr bool kSums16 = false;
  static constexpr int kLevelsOffset = 128;

  static I as_signed(U x) noexcept { return static_cast<I>(x); }
  static Q broadcast(const int8_t* q) noexcept { return q; }
  static U levels(U indices) noexcept {
    U levels = 0;
    for (int i = 0; i < 32; i += 8) levels |= static_cast<U>(kIq4Levels[indices >> i & 15u] + kLevelsOffset) << i;
    return levels;
  }
  static I dot(I sum, U w, Q q) noexcept {
    for (int i = 0; i < 4; ++i) sum += static_cast<I>(w >> (8 * i) & 255u) * q[i];
    return sum;
  }
  static I pair_dot(U pairs, const int16_t* halves) noexcept {
    return static_cast<int16_t>(pairs) * halves[0] + static_cast<int16_t>(pairs >> 16) * halves[1];
  }
  static F to_float(I x) noexcept { return static_cast<F>(x); }
  static F load_halves(const uint8_t* p, int part) noexcept {
    return f16_to_f32(static_cast<uint16_t>(p[2 * part] | p[2 * part + 1] << 8));
  }
  static F splat(float x) noexcept { return x; }
  static F fma(F a, F b, F c) noexcept { return a * b + c; }
};

}  // namespace
}  // namespace runnel
