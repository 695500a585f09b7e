#include "kernels/matmul/scalar_blocks.h"

namespace runnel {

void matmul_f32_q8g32_q4g32_1x16x4_scalar(const MatmulArgs& a) noexcept {
  scalar_block_matmul<288>(a, [](const uint8_t* column, uint32_t row, const int8_t* q, float lhs_scale,
                                 int32_t lhs_start, float total) noexcept {
    // The offset of 8 once a group: sum of q (w - 8) = sum of q w - 8 sum of q.
    const int32_t dot = nibble_dot(column + 32, row, q) + lhs_start;
    return total + static_cast<float>(dot) * (lhs_scale * panel_half(column + 2 * row));
  });
}

}  // namespace runnel
