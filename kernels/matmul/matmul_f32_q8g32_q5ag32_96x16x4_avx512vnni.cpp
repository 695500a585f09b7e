#include "kernels/matmul/g32_panels.h"
#include "kernels/matmul/tall_avx512vnni.h"

namespace runnel {

void matmul_f32_q8g32_q5ag32_96x16x4_avx512vnni(const MatmulArgs& args) noexcept {
  multiply_tall<TallKPanel<Q5aBlock>>(args);
}

}  // namespace runnel
