#include "kernels/matmul/g32_panels.h"
#include "kernels/matmul/k_ops_avx512vnni.h"

namespace runnel {

void matmul_f32_q8g32_q5g32_1x16x4_avx512vnni(const MatmulArgs& args) noexcept {
  multiply_k_row<KOpsAvx512Vnni, Q5Block>(args);
}

}  // namespace runnel
