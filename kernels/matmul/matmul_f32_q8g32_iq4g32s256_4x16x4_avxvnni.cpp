#include "kernels/matmul/k_ops_avxvnni.h"

namespace runnel {

void matmul_f32_q8g32_iq4g32s256_4x16x4_avxvnni(const MatmulArgs& args) noexcept {
  multiply_k_tile<KOpsAvxVnni, Iq4xBlock, 4, matmul_f32_q8g32_iq4g32s256_1x16x4_avxvnni>(args);
}

}  // namespace runnel
