// FNV-1a (Fowler, Noll, Vo: http://www.isthe.com/chongo/tech/comp/fnv/): keys of what is kept between runs, not a
// check.
#pragma once

#include <cstdint>
#include <cstring>
#include <type_traits>

namespace runnel::vulkan {

class Hash {
 public:
  template <class T>
  Hash& add(const T& value) noexcept {
    static_assert(std::is_arithmetic_v<T> || std::is_enum_v<T>);  // no padding
    uint8_t bytes[sizeof(T)];
    std::memcpy(bytes, &value, sizeof(T));
    for (const uint8_t byte : bytes) hash_ = (hash_ ^ byte) * 0x100000001b3;
    return *this;
  }
  uint64_t value() const noexcept { return hash_; }

 private:
  uint64_t hash_ = 0xcbf29ce484222325;
};

}  // namespace runnel::vulkan
