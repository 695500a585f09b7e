#include "kernels/matmul/k_ops_avx2.h"

namespace runnel {

void matmul_f32_q8g32_q2ag16s256_1x16x4_avx2(const MatmulArgs& args) noexcept {
  multiply_k_row<KOpsAvx2, Q2kBlock>(args);
}

}  // namespace runnel
