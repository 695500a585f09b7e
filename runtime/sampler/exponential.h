// exp(x) for x <= 0 in plain double arithmetic, the same bits on every platform (libm differs between them), so that a
// seed gives one text everywhere. Relative error below 1e-13; results under 2^-1000 are 0.
#pragma once

#include <bit>
#include <cstdint>

namespace runnel {

inline double exp_nonpositive(double x) noexcept {
  if (!(x > -693.0)) return 0.0;
  // x = n ln 2 + r, |r| <= ln 2 / 2. Adding and removing 1.5 * 2^52 rounds to the nearest integer.
  constexpr double kRound = 6755399441055744.0;
  const double n = (x * 1.4426950408889634 + kRound) - kRound;
  const double r = (x - n * 0.693147180369123816490) - n * 1.90821492927058770002e-10;  // ln 2 in two parts
  // Taylor's polynomial: r^12 / 12! is below 1e-14 relative to the sum.
  double sum = 1.0 / 479001600.0;
  sum = sum * r + 1.0 / 39916800.0;
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
  return sum * std::bit_cast<double>(static_cast<uint64_t>(static_cast<int64_t>(n) + 1023) << 52);
}

}  // namespace runnel
