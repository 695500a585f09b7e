#include "kernels/matmul/dot_avxvnni.h"

namespace runnel {

void matmul_f32_q8g32_q8g32_4x16x4_avxvnni(const MatmulArgs& args) noexcept {
  multiply_tile<DotAvxVnni, Q8Block, 4, matmul_f32_q8g32_q8g32_1x16x4_avxvnni>(args);
}

}  // namespace runnel
