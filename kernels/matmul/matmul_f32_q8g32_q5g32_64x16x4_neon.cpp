#include "kernels/matmul/g32_panels.h"
#include "kernels/matmul/tall_dots_neon.h"
#include "kernels/matmul/tall_panels_neon.h"

namespace runnel {

void matmul_f32_q8g32_q5g32_64x16x4_neon(const MatmulArgs& args) noexcept {
  multiply_tall<TallNeon, TallKPanel<Q5Block>>(args);
}

}  // namespace runnel
