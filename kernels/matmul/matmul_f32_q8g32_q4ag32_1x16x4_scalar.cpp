#include "kernels/matmul/scalar_blocks.h"

namespace runnel {

void matmul_f32_q8g32_q4ag32_1x16x4_scalar(const MatmulArgs& a) noexcept {
  scalar_block_matmul<320>(a, [](const uint8_t* column, uint32_t row, const int8_t* q, float lhs_scale,
                                 int32_t lhs_start, float total) noexcept {
    const float scale = panel_half(column + 2 * row), minimum = panel_half(column + 32 + 2 * row);
    const int32_t dot = nibble_dot(column + 64, row, q);
    const float weighted = lhs_scale * static_cast<float>(lhs_start / -8);
    return total + static_cast<float>(dot) * (scale * lhs_scale) + minimum * weighted;
  });
}

}  // namespace runnel
