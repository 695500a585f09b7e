// The two hashes whose values are part of the file format: where a text or a pair of symbols lies in its table.
#pragma once

#include <cstddef>
#include <cstdint>

namespace runnel {

namespace detail {
inline constexpr uint64_t kHashFactor = 0x9e3779b97f4a7c15u;  // 2^64 / golden ratio

inline uint64_t load_le32(const uint8_t* p) noexcept {
  return uint64_t{p[0]} | uint64_t{p[1]} << 8 | uint64_t{p[2]} << 16 | uint64_t{p[3]} << 24;
}
inline uint64_t hash_mix(uint64_t x) noexcept {
  x *= kHashFactor;
  return x ^ (x >> 32);
}
}  // namespace detail

// h = bytes * F; for each 8 bytes w, little endian, but the last 1 to 8: h = mix(h ^ w). Then the rest r: h = mix(h ^
// r), where r is for 4 to 8 bytes the first four and the last four (high half), for 1 to 3 bytes p[0], p[n / 2] and p[n
// - 1] in its lowest three bytes. mix(x) = y ^ (y >> 32) with y = x * F.
inline uint64_t text_hash(const char* text, size_t bytes) noexcept {
  const auto* p = reinterpret_cast<const uint8_t*>(text);
  uint64_t h = bytes * detail::kHashFactor;
  while (bytes > 8) {
    h = detail::hash_mix(h ^ (detail::load_le32(p) | detail::load_le32(p + 4) << 32));
    p += 8;
    bytes -= 8;
  }
  uint64_t rest = 0;
  if (bytes >= 4) {
    rest = detail::load_le32(p) | detail::load_le32(p + bytes - 4) << 32;
  } else if (bytes > 0) {
    rest = uint64_t{p[0]} | uint64_t{p[bytes / 2]} << 8 | uint64_t{p[bytes - 1]} << 16;
  }
  return detail::hash_mix(h ^ rest);
}

// Its upper bits choose the slot.
inline uint64_t merge_hash(uint32_t left, uint32_t right) noexcept {
  const uint64_t key = uint64_t{left} << 32 | right;
  return detail::hash_mix(key ^ (key >> 29)) * detail::kHashFactor;
}

}  // namespace runnel
