// How GGUF's types of one group of 32 a block lie in panels of 16 rows beyond those of packed_blocks.h, in the manner
// of k_panels.h: over U, lanes of uint32, one lane a row.
#pragma once

#include "kernels/matmul/k_panels.h"

namespace runnel {
namespace {

// Fifth bits, a vector whose lane has that of k 4j + c at bit j of its byte c, and 4 vectors of low bits.
struct FiveBits {
  template <class U>
  static inline U weights(const uint8_t* vectors, int j, int part) noexcept {
    const U low = load_lanes<U>(vectors + 64, j % 4, part) >> (j / 4 * 4) & 0x0f0f0f0fu;
    return low | (load_lanes<U>(vectors, 0, part) >> j & 0x01010101u) << 4;
  }
};

// Q5_0: 16 scales, then the above. w = scale * (q - 16).
struct Q5Block {
  static constexpr size_t kBytes = 16 * 22, kMinima = 0;
  static constexpr int kGroups = 1, kMost = 31, kOffset = 16, kUnrolled = 1;
  static constexpr bool kHalfGroups = false, kLevels = false;
  template <class U>
  static inline U weights(const uint8_t* block, int, int j, int part) noexcept {
    return FiveBits::weights<U>(block + 32, j, part);
  }
};

// Q5_1: 16 scales, 16 minima, then the above. w = scale * q + minimum.
struct Q5aBlock {
  static constexpr size_t kBytes = 16 * 24, kMinima = 32;
  static constexpr int kGroups = 1, kMost = 31, kOffset = 0, kUnrolled = 1;
  static constexpr bool kHalfGroups = false, kLevels = false;
  template <class U>
  static inline U weights(const uint8_t* block, int, int j, int part) noexcept {
    return FiveBits::weights<U>(block + 64, j, part);
  }
};

// IQ4_NL: 16 scales, 4 vectors of indices. w = scale * level[q].
struct Iq4Block {
  static constexpr size_t kBytes = 16 * 18, kMinima = 0;
  static constexpr int kGroups = 1, kUnrolled = 1;
  static constexpr bool kHalfGroups = false, kLevels = true;
  template <class U>
  static inline U weights(const uint8_t* block, int, int j, int part) noexcept {
    return load_lanes<U>(block + 32, j % 4, part) >> (j / 4 * 4) & 0x0f0f0f0fu;
  }
};

}  // namespace
}  // namespace runnel
