#include "kernels/matmul/g32_panels.h"
#include "kernels/matmul/k_ops_avx2.h"

namespace runnel {

void matmul_f32_q8g32_q5ag32_4x16x4_avx2(const MatmulArgs& args) noexcept {
  multiply_k_tile<KOpsAvx2, Q5aBlock, 4, matmul_f32_q8g32_q5ag32_1x16x4_avx2>(args);
}

}  // namespace runnel
