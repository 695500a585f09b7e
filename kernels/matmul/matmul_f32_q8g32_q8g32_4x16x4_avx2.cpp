#include "kernels/matmul/dot_avx2.h"

namespace runnel {

void matmul_f32_q8g32_q8g32_4x16x4_avx2(const MatmulArgs& args) noexcept {
  multiply_tile<DotAvx2, Q8Block, 4, matmul_f32_q8g32_q8g32_1x16x4_avx2>(args);
}

}  // namespace runnel
