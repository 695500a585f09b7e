#include "kernels/matmul/tall_dots_neon_i8mm.h"
#include "kernels/matmul/tall_panels_neon.h"

namespace runnel {

void matmul_f32_q8g32_q2ag16s256_64x16x4_neon_i8mm(const MatmulArgs& args) noexcept {
  multiply_tall<TallI8mm, TallQ2kPanel>(args);
}

}  // namespace runnel
