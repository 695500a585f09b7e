#include "kernels/matmul/k_ops_avx512vnni.h"

namespace runnel {

void matmul_f32_q8g32_q5ag32s256_12x16x4_avx512vnni(const MatmulArgs& args) noexcept {
  multiply_k_tile<KOpsAvx512Vnni, Q5kBlock, 12>(args);
}

}  // namespace runnel
