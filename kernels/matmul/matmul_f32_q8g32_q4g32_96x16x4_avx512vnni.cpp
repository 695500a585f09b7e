#include "kernels/matmul/tall_avx512vnni.h"

namespace runnel {

void matmul_f32_q8g32_q4g32_96x16x4_avx512vnni(const MatmulArgs& args) noexcept {
  multiply_tall<TallPanel<Q4Block, matmul_f32_q8g32_q4g32_1x16x4_avx512vnni>>(args);
}

}  // namespace runnel
