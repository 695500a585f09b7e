#include "kernels/matmul/dot_avx2.h"

namespace runnel {

void matmul_f32_q16g32_q8g32_1x16x4_avx2(const MatmulArgs& args) noexcept {
  multiply_panels<DotAvx2, Q8WideBlock, 1>(args);
}

}  // namespace runnel
