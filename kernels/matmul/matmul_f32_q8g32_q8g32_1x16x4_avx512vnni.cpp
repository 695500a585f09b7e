#include "kernels/matmul/tile_avx512vnni.h"

namespace runnel {

void matmul_f32_q8g32_q8g32_1x16x4_avx512vnni(const MatmulArgs& args) noexcept { multiply_streams<Q8Block, 1>(args); }

}  // namespace runnel
