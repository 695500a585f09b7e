// dst[m][n] = sum over k of lhs[m][k] * rhs[n][k] for any storage type: each stretch of a weight row is dequantised
// once and used by a tile of lhs rows.
#include "kernels/dtype.h"
#include "kernels/matmul/matmul.h"

namespace runnel {
namespace {

constexpr uint32_t kStretch = 512;  // weights of one row at a time; a multiple of every group
constexpr uint32_t kRows = 64;      // lhs rows that share a dequantised stretch
constexpr uint32_t kLanes = 8;      // partial sums in a fixed order that vectorises

float dot(const float* a, const float* b, uint32_t count) noexcept {
  float sums[kLanes] = {};
  uint32_t k = 0;
  for (; k + kLanes <= count; k += kLanes)
    for (uint32_t l = 0; l < kLanes; ++l) sums[l] += a[k + l] * b[k + l];
  for (uint32_t l = 0; k + l < count; ++l) sums[l] += a[k + l] * b[k + l];
  return ((sums[0] + sums[4]) + (sums[2] + sums[6])) + ((sums[1] + sums[5]) + (sums[3] + sums[7]));
}

}  // namespace

void matmul_generic(DType rhs, const MatmulArgs& a) noexcept {
  const DTypeInfo& type = dtype_info(rhs);
  const size_t panel_bytes = size_t(type.nr) * a.blocks * type.block_bytes;
  const uint32_t stretch_blocks = kStretch / type.group;
  alignas(64) uint8_t blocks[kStretch * sizeof(float)];
  alignas(64) float weights[kStretch];
  for (uint32_t m0 = 0; m0 < a.m; m0 += kRows) {
    const uint32_t rows = a.m - m0 < kRows ? a.m - m0 : kRows;
    const auto* lhs = static_cast<const uint8_t*>(a.lhs) + m0 * a.lhs_stride;
    auto* dst = reinterpret_cast<uint8_t*>(a.dst) + m0 * a.dst_stride;
    for (uint32_t n = 0; n < a.n; ++n) {
      const auto* panel = static_cast<const uint8_t*>(a.rhs) + n / type.nr * panel_bytes;
      float sums[kRows] = {};
      for (uint32_t begin = 0; begin < a.blocks; begin += stretch_blocks) {
        const uint32_t count = a.blocks - begin < stretch_blocks ? a.blocks - begin : stretch_blocks;
        type.unpack_row(panel, a.blocks, n % type.nr, begin, count, blocks);
        type.dequantize(blocks, weights, count);
        for (uint32_t r = 0; r < rows; ++r) {
          const float* row = reinterpret_cast<const float*>(lhs + r * a.lhs_stride) + size_t(begin) * type.group;
          sums[r] += dot(row, weights, count * type.group);
        }
      }
      for (uint32_t r = 0; r < rows; ++r) reinterpret_cast<float*>(dst + r * a.dst_stride)[n] = sums[r];
    }
  }
}

}  // namespace runnel
