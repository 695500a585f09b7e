#include "kernels/matmul/tall_avx512vnni.h"

namespace runnel {

void matmul_f32_q8g32_iq4g32s256_96x16x4_avx512vnni(const MatmulArgs& args) noexcept {
  multiply_tall<TallKPanel<Iq4xBlock>>(args);
}

}  // namespace runnel
