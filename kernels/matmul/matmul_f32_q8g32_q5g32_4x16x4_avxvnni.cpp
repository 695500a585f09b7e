#include "kernels/matmul/g32_panels.h"
#include "kernels/matmul/k_ops_avxvnni.h"

namespace runnel {

void matmul_f32_q8g32_q5g32_4x16x4_avxvnni(const MatmulArgs& args) noexcept {
  multiply_k_tile<KOpsAvxVnni, Q5Block, 4, matmul_f32_q8g32_q5g32_1x16x4_avxvnni>(args);
}

}  // namespace runnel
