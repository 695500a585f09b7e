#include "kernels/matmul/scalar_blocks.h"

namespace runnel {

void matmul_f32_q16g32_q8g32_1x16x4_scalar(const MatmulArgs& a) noexcept {
  scalar_block_matmul<544, int16_t>(
      a, [](const uint8_t* column, uint32_t row, const int16_t* q, float lhs_scale, int32_t, float total) noexcept {
        return total + static_cast<float>(byte_dot(column + 32, row, q)) * (lhs_scale * panel_half(column + 2 * row));
      });
}

}  // namespace runnel
