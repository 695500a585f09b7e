#include "kernels/matmul/tile_neon_dotprod.h"

namespace runnel {

void matmul_f32_q16g32_q8g32_4x16x4_neon_dotprod(const MatmulArgs& args) noexcept {
  multiply_tile<Q8WideBlock, 4>(args);
}

}  // namespace runnel
