#include "kernels/matmul/single_neon_dotprod.h"

namespace runnel {

void matmul_f32_q8g32_q4ag32_1x16x4_neon_dotprod(const MatmulArgs& args) noexcept { multiply_single<Q4aBlock>(args); }

}  // namespace runnel
