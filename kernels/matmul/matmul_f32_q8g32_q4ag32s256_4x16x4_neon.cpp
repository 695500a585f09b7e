#include "kernels/matmul/k_ops_neon.h"

namespace runnel {

void matmul_f32_q8g32_q4ag32s256_4x16x4_neon(const MatmulArgs& args) noexcept {
  multiply_k_tile<KOpsNeon, Q4kBlock, 4>(args);
}

}  // namespace runnel
