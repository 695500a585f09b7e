#include "kernels/matmul/g32_panels.h"
#include "kernels/matmul/k_ops_scalar.h"

namespace runnel {

void matmul_f32_q8g32_iq4g32_1x16x4_scalar(const MatmulArgs& args) noexcept {
  multiply_k_panels<KOpsScalar, Iq4Block, 1>(args);
}

}  // namespace runnel
