// Fields of a little-endian record of bytes, at any alignment. The caller has checked that the record holds them.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace runnel {

static_assert(std::endian::native == std::endian::little);

template <class T>
requires std::is_trivially_copyable_v<T>
void put(uint8_t* out, size_t at, T value) noexcept { std::memcpy(out + at, &value, sizeof value); }

template <class T>
requires std::is_trivially_copyable_v<T> T get(const uint8_t* in, size_t at)
noexcept {
  T value;
  std::memcpy(&value, in + at, sizeof value);
  return value;
}

}  // namespace runnel
