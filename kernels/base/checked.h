// Overflow-checked size arithmetic: the only way sizes from a file, a prompt or a caller are computed.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>

namespace runnel {

// Each returns false, and leaves *out unspecified, when the exact result does not fit T.
template <std::unsigned_integral T>
[[nodiscard]] constexpr bool checked_add(T a, T b, T* out) noexcept {
  return !__builtin_add_overflow(a, b, out);
}
template <std::unsigned_integral T>
[[nodiscard]] constexpr bool checked_mul(T a, T b, T* out) noexcept {
  return !__builtin_mul_overflow(a, b, out);
}
// Rounds up to a multiple of `alignment`. Requires: alignment is a power of two.
template <std::unsigned_integral T>
[[nodiscard]] constexpr bool checked_align(T value, T alignment, T* out) noexcept {
  if (!checked_add<T>(value, alignment - 1, out)) return false;
  *out &= ~(alignment - 1);
  return true;
}
// True when [offset, offset + bytes) lies inside [0, total).
template <std::unsigned_integral T>
[[nodiscard]] constexpr bool range_fits(T offset, T bytes, T total) noexcept {
  return offset <= total && bytes <= total - offset;
}

template <std::unsigned_integral T>
constexpr T ceil_div(T a, T b) noexcept {
  return a / b + (a % b != 0);
}
template <std::unsigned_integral T>
constexpr T round_up(T a, T multiple) noexcept {  // Requires: the result fits T
  return ceil_div(a, multiple) * multiple;
}
constexpr bool is_power_of_two(uint64_t x) noexcept { return x != 0 && (x & (x - 1)) == 0; }

}  // namespace runnel
