#include "kernels/simd/f32x16_neon.h"
// The register type comes first.
#include "kernels/matmul/tile_float.h"

namespace runnel {

void matmul_f32_f32_f32_1x16x1_neon(const MatmulArgs& args) noexcept { multiply_single<F32Values>(args); }

}  // namespace runnel
