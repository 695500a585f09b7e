#include "kernels/matmul/dot_avxvnni.h"

namespace runnel {

void matmul_f32_q16g32_q8g32_1x16x4_avxvnni(const MatmulArgs& args) noexcept {
  multiply_panels<DotAvxVnni, Q8WideBlock, 1>(args);
}

}  // namespace runnel
