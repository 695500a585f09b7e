#include "kernels/matmul/k_ops_neon_dotprod.h"

namespace runnel {

void matmul_f32_q8g32_q4ag32s256_1x16x4_neon_dotprod(const MatmulArgs& args) noexcept {
  multiply_k_panels<KOpsNeonDotprod, Q4kBlock, 1>(args);
}

}  // namespace runnel
