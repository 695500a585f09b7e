#include "kernels/matmul/dot_neon.h"

namespace runnel {

void matmul_f32_q8g32_q4g32_4x16x4_neon(const MatmulArgs& args) noexcept { multiply_tile<DotNeon, Q4Block, 4>(args); }

}  // namespace runnel
