#include "kernels/matmul/scalar_blocks.h"

namespace runnel {

void matmul_f32_q8g32_q8g32_1x16x4_scalar(const MatmulArgs& a) noexcept {
  scalar_block_matmul<544>(
      a, [](const uint8_t* column, uint32_t row, const int8_t* q, float lhs_scale, int32_t) noexcept {
        int32_t dot = 0;
        for (uint32_t i = 0; i < 32; ++i)
          dot += q[i] * static_cast<int32_t>(static_cast<int8_t>(column[32 + i / 4 * 64 + 4 * row + i % 4]));
        return static_cast<float>(dot) * (lhs_scale * panel_half(column + 2 * row));
      });
}

}  // namespace runnel
