#include "kernels/matmul/k_ops_neon.h"

namespace runnel {

void matmul_f32_q8g32_q5ag32s256_1x16x4_neon(const MatmulArgs& args) noexcept {
  multiply_k_panels<KOpsNeon, Q5kBlock, 1>(args);
}

}  // namespace runnel
