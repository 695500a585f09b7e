#include "kernels/matmul/dot_neon.h"

namespace runnel {

void matmul_f32_q8g32_q8g32_1x16x4_neon(const MatmulArgs& args) noexcept { multiply_tile<DotNeon, Q8Block, 1>(args); }

}  // namespace runnel
