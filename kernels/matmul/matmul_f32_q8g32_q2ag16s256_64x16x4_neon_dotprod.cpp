#include "kernels/matmul/tall_dots_neon_dotprod.h"
#include "kernels/matmul/tall_panels_neon.h"

namespace runnel {

void matmul_f32_q8g32_q2ag16s256_64x16x4_neon_dotprod(const MatmulArgs& args) noexcept {
  multiply_tall<TallDotprod, TallQ2kPanel>(args);
}

}  // namespace runnel
