#include "kernels/matmul/tile_avx512vnni.h"

namespace runnel {

void matmul_f32_q8g32_q8g32_12x16x4_avx512vnni(const MatmulArgs& args) noexcept { multiply_tile<Q8Block, 12>(args); }

}  // namespace runnel
