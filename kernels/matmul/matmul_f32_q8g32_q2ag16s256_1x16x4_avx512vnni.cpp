#include "kernels/matmul/k_ops_avx512vnni.h"

namespace runnel {

void matmul_f32_q8g32_q2ag16s256_1x16x4_avx512vnni(const MatmulArgs& args) noexcept {
  multiply_k_row<KOpsAvx512Vnni, Q2kBlock>(args);
}

}  // namespace runnel
