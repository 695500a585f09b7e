// Quantised activations of kLhsTileRows rows, interleaved (LhsOrder): tile after tile, in a tile group after group, so
// that a tall kernel reads all it needs of them through one pointer.
//
// Values of 16 bits lie as two planes of signed bytes, 256 * high + low, high being rounded, not cut.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "kernels/matmul/matmul.h"

namespace runnel {

// LhsOrder::tiles. kPlanes: bytes of a value.
template <int kPlanes>
struct LhsTileGroup {
  int8_t q[kPlanes][2][kLhsTileRows][16];  // first and last half of the group
  float scale[kLhsTileRows];
  float weighted[kLhsTileRows];
};

// LhsOrder::pairs: 8 values of a row, 8 of the next one; a row's numbers twice, as smmla's sums lie.
template <int kPlanes>
struct LhsPairGroup {
  int8_t q[kPlanes][4][kLhsTileRows / 2][2][8];
  float scale[kLhsTileRows][2];
  float weighted[kLhsTileRows][2];
};

// Bytes between tiles: kernels load the values of a group that is not there while they join the last one. An odd number
// of cache lines.
constexpr size_t lhs_tile_bytes(size_t group_bytes, size_t groups) noexcept {
  return ((group_bytes * groups + 128 + 63) & ~size_t{63}) | 64;
}

}  // namespace runnel
