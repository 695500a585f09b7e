// The probabilities that a draw is made from, as integers.
//
// Plain double operations in one order, none of them fused (-ffp-contract=off), so that every instruction set gives the
// same bits: a seed gives one text everywhere. Relative error below 1e-13.
#pragma once

#include <stdint.h>

namespace runnel {
namespace {

// VectorOps::probability_row() in vectors of as many doubles as a register holds (compilers cut longer ones badly):
// kDoubles of the f32x16_<isa>.h that comes first.
static void probability_row(const float* x, uint32_t n, float largest, float temperature, uint64_t* out) noexcept {
  typedef float Floats __attribute__((vector_size(kDoubles * 4)));
  typedef double Doubles __attribute__((vector_size(kDoubles * 8)));
  typedef uint64_t Words __attribute__((vector_size(kDoubles * 8)));
  constexpr double kRound = 6755399441055744.0;    // 1.5 * 2^52: adding and removing it rounds to the nearest integer
  constexpr double kInteger = 4503599627370496.0;  // 2^52: the low bits of a sum with it are that integer
  constexpr uint64_t kRoundBits = 0x4338000000000000u, kIntegerBits = 0x4330000000000000u;
  for (uint32_t i = 0; i < n; i += kDoubles) {
    const uint32_t count = n - i < kDoubles ? n - i : kDoubles;
    Floats part = {};
    if (count == kDoubles) {
      __builtin_memcpy(&part, x + i, sizeof part);
    } else {
      __builtin_memcpy(&part, x + i, count * sizeof(float));
    }
    const Doubles d = (__builtin_convertvector(part, Doubles) - double(largest)) / double(temperature);
    const Words is_large = (Words)(d > -693.0);  // others are below 2^-999
    // d = k ln 2 + r, |r| <= ln 2 / 2.
    const Doubles rounded = d * 1.4426950408889634 + kRound;
    const Doubles k = rounded - kRound;
    const Doubles r = (d - k * 0.693147180369123816490) - k * 1.90821492927058770002e-10;  // ln 2 in two parts
    // Taylor's polynomial: r^12 / 12! is below 1e-14 relative to the sum.
    Doubles sum = r * (1.0 / 479001600.0) + 1.0 / 39916800.0;
    sum = sum * r + 1.0 / 3628800.0;
    sum = sum * r + 1.0 / 362880.0;
    sum = sum * r + 1.0 / 40320.0;
    sum = sum * r + 1.0 / 5040.0;
    sum = sum * r + 1.0 / 720.0;
    sum = sum * r + 1.0 / 120.0;
    sum = sum * r + 1.0 / 24.0;
    sum = sum * r + 1.0 / 6.0;
    sum = sum * r + 0.5;
    sum = sum * r + 1.0;
    sum = sum * r + 1.0;
    // Times 2^k and 40 binary places more; then the integer part.
    const Words exponent = ((Words)rounded - kRoundBits + (1023 + 40)) << 52;
    const Doubles scaled = sum * (Doubles)exponent;
    const Doubles nearest = scaled + kInteger;
    const Words minus_if_above = (Words)(nearest - kInteger > scaled);
    const Words units = ((Words)nearest - kIntegerBits + minus_if_above) & is_large;
    if (count == kDoubles) {
      __builtin_memcpy(out + i, &units, sizeof units);
    } else {
      __builtin_memcpy(out + i, &units, count * sizeof(uint64_t));
    }
  }
}

}  // namespace
}  // namespace runnel
