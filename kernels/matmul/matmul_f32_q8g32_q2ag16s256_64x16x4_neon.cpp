#include "kernels/matmul/tall_dots_neon.h"
#include "kernels/matmul/tall_panels_neon.h"

namespace runnel {

void matmul_f32_q8g32_q2ag16s256_64x16x4_neon(const MatmulArgs& args) noexcept {
  multiply_tall<TallNeon, TallQ2kPanel>(args);
}

}  // namespace runnel
