#include "kernels/matmul/tall_avx512vnni.h"

namespace runnel {

void matmul_f32_q8g32_q2ag16s256_96x16x4_avx512vnni(const MatmulArgs& args) noexcept {
  multiply_tall<TallKPanel<Q2kBlock>>(args);
}

}  // namespace runnel
