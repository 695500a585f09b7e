#include "kernels/matmul/k_ops_scalar.h"

namespace runnel {

void matmul_f32_q8g32_q4ag32s256_1x16x4_scalar(const MatmulArgs& args) noexcept {
  multiply_k_panels<KOpsScalar, Q4kBlock, 1>(args);
}

}  // namespace runnel
