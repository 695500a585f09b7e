// The compilers' own vectors of four lanes, which every target of ours has: for code that must be quick and give the
// same bits everywhere without a row for each instruction set.
#pragma once

#include <stdint.h>

namespace runnel {

typedef float Float4 __attribute__((vector_size(16)));
typedef int32_t Int4 __attribute__((vector_size(16)));
typedef uint32_t Uint4 __attribute__((vector_size(16)));

inline Float4 splat(float x) noexcept { return Float4{x, x, x, x}; }
inline Float4 min4(Float4 a, Float4 b) noexcept { return a < b ? a : b; }
inline Float4 max4(Float4 a, Float4 b) noexcept { return a > b ? a : b; }

}  // namespace runnel
