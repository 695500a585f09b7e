// The 6-bit scales and minima of 8 groups in 12 bytes, shared by GGUF Q4_K and Q5_K: the low 6 bits of bytes 0..3 and
// 4..7 are scales and minima of groups 0..3; those of groups 4..7 have their low nibbles together in bytes 8..11 and
// their upper two bits above the first four's.
#pragma once

#include <stdint.h>

namespace runnel {

inline uint8_t k_group_scale(const uint8_t* groups, int group) noexcept {
  if (group < 4) return groups[group] & 63;
  return static_cast<uint8_t>((groups[group + 4] & 15) | groups[group - 4] >> 6 << 4);
}
inline uint8_t k_group_minimum(const uint8_t* groups, int group) noexcept {
  if (group < 4) return groups[group + 4] & 63;
  return static_cast<uint8_t>(groups[group + 4] >> 4 | groups[group] >> 6 << 4);
}

}  // namespace runnel
