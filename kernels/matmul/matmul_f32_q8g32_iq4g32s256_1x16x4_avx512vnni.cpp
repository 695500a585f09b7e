#include "kernels/matmul/k_ops_avx512vnni.h"

namespace runnel {

void matmul_f32_q8g32_iq4g32s256_1x16x4_avx512vnni(const MatmulArgs& args) noexcept {
  multiply_k_row<KOpsAvx512Vnni, Iq4xBlock>(args);
}

}  // namespace runnel
