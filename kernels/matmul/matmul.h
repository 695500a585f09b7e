// dst[m][n] = sum over k of lhs[m][k] * rhs[n][k]
//
// rhs is a packed weight matrix (kernels/dtype.h): panels of nr rows. lhs is activation rows, either float32 or
// quantised on the fly to 8 or 16 bits (see LhsType). A kernel takes a run of panels and up to mr rows, reads only
// lhs and rhs, writes only dst[0..m)[0..n), never allocates, starts no thread and cannot fail.
//
// Each output is computed by one call over the whole of k, in an order that depends on the kernel alone: splitting n
// over threads at panel borders never changes a bit.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "kernels/isa.h"

namespace runnel {

enum class DType : uint8_t;

// What a kernel reads on its left side.
enum class LhsType : uint8_t {
  f32,     // float rows
  q8g32,   // int8 with one float scale and one int32 sum a group of 32
  q16g32,  // the same of int16: what 8-bit weights are worth, at half the rate of q8g32 where bytes multiply directly
};

// A quantised activation row of groups of 32, T being int8 or int16, is laid out as
//   T     q[groups * 32]     q = round(x / scale), |q| <= lhs_levels
//   float scale[groups]      max |x| of the group / lhs_levels; 0 for a group of zeros
//   int32 start[groups]      -8 times the sum of the group's q: what a dot product with nibbles that are 8 too large
//                            begins at; 16 times that for bytes that are 128 too large
//   float weighted[groups]   scale times the sum of q: what a minimum in the weights is multiplied with
//   int16 halves[groups][2]  of T = int8 only: sums of the first and the last 16, for types with groups of 16
// with zero values beyond the true width. Rows lie lhs_stride bytes apart, each 64-byte aligned; an odd number of cache
// lines, so that the same groups of a tile's rows do not meet in the same sets of a cache.
constexpr int lhs_levels(LhsType type) noexcept { return type == LhsType::q8g32 ? 127 : 127 * 256; }
constexpr size_t quantized_row_bytes(LhsType type, uint32_t groups) noexcept {
  return ((size_t(groups) * (type == LhsType::q8g32 ? 48 : 76) + 63) & ~size_t(63)) | 64;
}

// How quantised rows lie.
enum class LhsOrder : uint8_t {
  rows,   // each for itself: above
  tiles,  // kLhsTileRows rows interleaved group by group, by halves of a group (lhs_tiles.h): sdot
  pairs,  // the same by 8 values of two rows: smmla
};
constexpr uint32_t kLhsTileRows = 4;

struct MatmulArgs {
  const void* lhs;  // m rows of LhsType. 64-byte aligned. Float rows are readable up to groups * group values (zeros).
  size_t lhs_stride;  // bytes between lhs rows; of tiles the bytes between them over kLhsTileRows
  const void* rhs;    // ceil(n / nr) packed panels. 64-byte aligned. Never aliases dst.
  float* dst;         // row major; written, and read back by tall kernels between chunks of k
  size_t dst_stride;  // bytes between dst rows
  uint32_t m;         // rows wanted, 1..mr of the kernel
  uint32_t n;         // columns wanted, >= 1; only the last panel may be cut short
  uint32_t blocks;    // block columns: depth in groups of the weight type (k = blocks * group)
};

using MatmulFn = void (*)(const MatmulArgs&) noexcept;

// One row of matmul.inc. Name grammar: matmul_f32_<lhs>_<rhs>_<mr>x<nr>x<kr>_<isa>; file, symbol, test and benchmark
// bear it.
struct MatmulKernel {
  const char* name;
  MatmulFn run;
  Isa isa;
  LhsType lhs;
  DType rhs;
  uint32_t mr, nr, kr;

  // Tall rows of Arm read tiles, of which the last may lack rows: what lies in their place is read, and ignored.
  constexpr LhsOrder order() const noexcept {
    if (!covers(isa, Isa::neon) || mr <= kLhsTileRows) return LhsOrder::rows;
    return isa == Isa::neon_i8mm ? LhsOrder::pairs : LhsOrder::tiles;
  }
};

#define MATMUL_NAME(isa, dst, lhs, rhs, mr, nr, kr) matmul_##dst##_##lhs##_##rhs##_##mr##x##nr##x##kr##_##isa
#define MATMUL_KERNEL(isa, ...) RUNNEL_ONLY_##isa(void MATMUL_NAME(isa, __VA_ARGS__)(const MatmulArgs&) noexcept;)
#include "kernels/matmul/matmul.inc"
#undef MATMUL_KERNEL

// Fallback for any dtype through DTypeInfo::dequantize: correct on day one. lhs is float32, m any value.
// (Needs the type, which no packed byte tells.)
void matmul_generic(DType rhs, const MatmulArgs& args) noexcept;

}  // namespace runnel
