// Sixteen 32-bit integers, whose values fit, to 16 or 8 bits: the low parts of their lanes (little-endian).
#pragma once

#include <stdint.h>

#include "kernels/simd/vec4.h"

namespace runnel {
namespace {

typedef int16_t Short8 __attribute__((vector_size(16)));
typedef int8_t Byte16 __attribute__((vector_size(16)));

struct Int16 {
  Int4 v[4];
};

static inline Short8 narrow(Int4 low, Int4 high) noexcept {
  return __builtin_shufflevector(__builtin_bit_cast(Short8, low), __builtin_bit_cast(Short8, high), 0, 2, 4, 6, 8, 10,
                                 12, 14);
}
static inline Byte16 narrow(Short8 low, Short8 high) noexcept {
  return __builtin_shufflevector(__builtin_bit_cast(Byte16, low), __builtin_bit_cast(Byte16, high), 0, 2, 4, 6, 8, 10,
                                 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
}

static inline void store_narrow(const Int16& x, int16_t* out) noexcept {
  for (int i = 0; i < 2; ++i) {
    const Short8 half = narrow(x.v[2 * i], x.v[2 * i + 1]);
    __builtin_memcpy(out + 8 * i, &half, sizeof(half));
  }
}
static inline void store_narrow(const Int16& x, int8_t* out) noexcept {
  const Byte16 all = narrow(narrow(x.v[0], x.v[1]), narrow(x.v[2], x.v[3]));
  __builtin_memcpy(out, &all, sizeof(all));
}

}  // namespace
}  // namespace runnel
