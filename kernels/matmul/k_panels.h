// How GGUF's k-quants lie in panels of 16 rows (kernels/dtypes/panel.h) and what their bytes mean, group of 32 by
// group, for kernels of every instruction set: written over U, lanes of uint32, one lane a row. `part` counts the Us in
// a vector of 16 rows.
//
// A block is 256 values of k: float16 fields, then vectors of 64 bytes.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace runnel {
namespace {

template <class U>
static inline U load_lanes(const uint8_t* block, int vector, int part) noexcept {
  U lanes;
  __builtin_memcpy(&lanes, block + 64 * vector + sizeof(U) * static_cast<size_t>(part), sizeof(U));
  return lanes;
}

// The 6-bit scales and minima of Q4_K and Q5_K (kernels/dtypes/k_groups.h): three words a row.
struct KGroups {
  template <class U>
  static inline U scale(const uint8_t* words, int group, int part) noexcept {
    const int shift = 8 * (group & 3);
    if (group < 4) return load_lanes<U>(words, 0, part) >> shift & 63u;
    return (load_lanes<U>(words, 2, part) >> shift & 15u) | (load_lanes<U>(words, 0, part) >> (shift + 6) & 3u) << 4;
  }
  template <class U>
  static inline U minimum(const uint8_t* words, int group, int part) noexcept {
    const int shift = 8 * (group & 3);
    if (group < 4) return load_lanes<U>(words, 1, part) >> shift & 63u;
    return (load_lanes<U>(words, 2, part) >> (shift + 4) & 15u) | (load_lanes<U>(words, 1, part) >> (shift + 6) & 3u)
                                                                      << 4;
  }
};

// uint16 lanes, two bytes a row.
template <class U>
static inline U load_words(const uint8_t* words, int part) noexcept {
  words += sizeof(U) / 2 * static_cast<size_t>(part);
  if constexpr (sizeof(U) == sizeof(uint32_t)) {
    return static_cast<U>(words[0] | words[1] << 8);
  } else {
    typedef uint16_t Words __attribute__((vector_size(sizeof(U) / 2)));
    Words lanes;
    __builtin_memcpy(&lanes, words, sizeof(lanes));
    return __builtin_convertvector(lanes, U);
  }
}

// In each: weights<U>() gives k 4j .. 4j+3 of a group as unsigned bytes of at most kMost, which are kOffset too large;
// kMinima says where a block has float16 minima, 0 that it has none; kLevels, that the bytes are indices of levels;
// kUnrolled, how many of its groups a loop should unroll: as many as take their weights' shifts anew, since a shift by
// a number that is not known takes two steps.
//
// Q4_K: 16 scales, 16 minima, 3 vectors of group scales, 32 of quants. w = scale * s * q - minimum * m.
struct Q4kBlock {
  static constexpr size_t kBytes = 16 * 144, kMinima = 32;
  static constexpr int kGroups = 8, kMost = 15, kOffset = 0, kUnrolled = 4;
  static constexpr bool kHalfGroups = false, kLevels = false;
  template <class U>
  static inline U weights(const uint8_t* block, int group, int j, int part) noexcept {
    return load_lanes<U>(block + 256, group / 2 * 8 + j, part) >> (group % 2 * 4) & 0x0f0f0f0fu;
  }
  template <class U>
  static inline U scale(const uint8_t* block, int group, int part) noexcept {
    return KGroups::scale<U>(block + 64, group, part);
  }
  template <class U>
  static inline U minimum(const uint8_t* block, int group, int part) noexcept {
    return KGroups::minimum<U>(block + 64, group, part);
  }
};

// Q5_K: 16 scales, 16 minima, 3 vectors of group scales, 8 of fifth bits, 32 of low bits. w as in Q4_K.
struct Q5kBlock {
  static constexpr size_t kBytes = 16 * 176, kMinima = 32;
  static constexpr int kGroups = 8, kMost = 31, kOffset = 0, kUnrolled = 8;
  static constexpr bool kHalfGroups = false, kLevels = false;
  template <class U>
  static inline U weights(const uint8_t* block, int group, int j, int part) noexcept {
    const U low = load_lanes<U>(block + 768, group / 2 * 8 + j, part) >> (group % 2 * 4) & 0x0f0f0f0fu;
    return low | (load_lanes<U>(block + 256, j, part) >> group & 0x01010101u) << 4;
  }
  template <class U>
  static inline U scale(const uint8_t* block, int group, int part) noexcept {
    return KGroups::scale<U>(block + 64, group, part);
  }
  template <class U>
  static inline U minimum(const uint8_t* block, int group, int part) noexcept {
    return KGroups::minimum<U>(block + 64, group, part);
  }
};

// Q6_K: 16 scales, 4 vectors of group scales (int8, groups of 16), 16 of high bits, 32 of low bits.
// w = scale * s * (q - 32).
struct Q6kBlock {
  static constexpr size_t kBytes = 16 * 210, kMinima = 0;
  static constexpr int kGroups = 8, kMost = 63, kOffset = 32, kUnrolled = 4;
  static constexpr bool kHalfGroups = true, kLevels = false;
  template <class U>
  static inline U weights(const uint8_t* block, int group, int j, int part) noexcept {
    const U low = load_lanes<U>(block + 1312, group / 4 * 16 + group % 2 * 8 + j, part) >> (group % 4 / 2 * 4);
    const U high = load_lanes<U>(block + 288, group / 4 * 8 + j, part);
    const int up = 4 - group % 4 * 2;  // to bits 4 and 5
    return (low & 0x0f0f0f0fu) | ((up < 0 ? high >> -up : high << up) & 0x30303030u);
  }
  // s of the first (low) and the last (high) 16 of the group as two int16 in a lane.
  template <class U>
  static inline U scales(const uint8_t* block, int group, int part) noexcept {
    const U two = load_lanes<U>(block + 32, group / 2, part) >> (group % 2 * 16) & 0xffffu;
    const U bytes = (two & 0xffu) | (two & 0xff00u) << 8;
    const U negative = bytes >> 7 & 0x00010001u;
    return bytes | ((negative << 16) - (negative << 8));  // 0xff above each negative byte
  }
};

// Q3_K: 16 scales, 3 vectors of group scales (6 bits, groups of 16), 8 of high bits, 16 of low bits.
// w = scale * (s - 32) * (q - 4).
struct Q3kBlock {
  static constexpr size_t kBytes = 16 * 110, kMinima = 0;
  static constexpr int kGroups = 8, kMost = 7, kOffset = 4, kUnrolled = 8;
  static constexpr bool kHalfGroups = true, kLevels = false;
  template <class U>
  static inline U weights(const uint8_t* block, int group, int j, int part) noexcept {
    const U low = load_lanes<U>(block + 736, group / 4 * 8 + j, part) >> (group % 4 * 2) & 0x03030303u;
    return low | (load_lanes<U>(block + 224, j, part) >> group & 0x01010101u) << 2;
  }
  // s - 32 of the first (low) and the last (high) 16 of the group as two int16 in a lane.
  template <class U>
  static inline U scales(const uint8_t* block, int group, int part) noexcept {
    const int shift = group % 2 * 16;
    const U low = load_lanes<U>(block + 32, group % 4 / 2, part) >> (shift + group / 4 * 4) & 0x0f0fu;
    const U high = load_lanes<U>(block + 32, 2, part) >> (shift + group / 2 * 2) & 0x0303u;
    const U two = low | high << 4;
    const U flipped = ((two & 0xffu) | (two & 0xff00u) << 8) ^ 0x00200020u;  // less 32, in 6 bits of two's complement
    const U negative = flipped >> 5 & 0x00010001u;
    return flipped | ((negative << 16) - (negative << 6));  // ones above each negative number
  }
};

// Q2_K: 16 scales, 16 minima, 4 vectors of group scales and minima (4 bits, groups of 16), 16 of quants.
// w = scale * s * q - minimum * m.
struct Q2kBlock {
  static constexpr size_t kBytes = 16 * 84, kMinima = 32;
  static constexpr int kGroups = 8, kMost = 3, kOffset = 0, kUnrolled = 4;
  static constexpr bool kHalfGroups = true, kLevels = false;
  template <class U>
  static inline U weights(const uint8_t* block, int group, int j, int part) noexcept {
    return load_lanes<U>(block + 320, group / 4 * 8 + j, part) >> (group % 4 * 2) & 0x03030303u;
  }
  // s of the first (low) and the last (high) 16 of the group as two int16 in a lane, and m.
  template <class U>
  static inline U scales(const uint8_t* block, int group, int part) noexcept {
    const U two = load_lanes<U>(block + 64, group / 2, part) >> (group % 2 * 16);
    return (two & 0x0fu) | (two & 0x0f00u) << 8;
  }
  template <class U>
  static inline U minima(const uint8_t* block, int group, int part) noexcept {
    const U two = load_lanes<U>(block + 64, group / 2, part) >> (group % 2 * 16);
    return (two >> 4 & 0x0fu) | (two & 0xf000u) << 4;
  }
};

// IQ4_XS: 16 scales, 16 words of the upper 2 bits of group scales, a vector of their low 4, 32 of indices of levels.
// w = scale * (s - 32) * level[q].
struct Iq4xBlock {
  static constexpr size_t kBytes = 16 * 136, kMinima = 0;
  static constexpr int kGroups = 8, kUnrolled = 1;
  static constexpr bool kHalfGroups = false, kLevels = true;
  template <class U>
  static inline U weights(const uint8_t* block, int group, int j, int part) noexcept {
    return load_lanes<U>(block + 128, 4 * group + j % 4, part) >> (j / 4 * 4) & 0x0f0f0f0fu;
  }
  template <class U>
  static inline U scale(const uint8_t* block, int group, int part) noexcept {
    const U low = load_lanes<U>(block + 64, 0, part) >> (4 * group) & 15u;
    return (low | (load_words<U>(block + 32, part) >> (2 * group) & 3u) << 4) - 32u;
  }
};

}  // namespace
}  // namespace runnel
