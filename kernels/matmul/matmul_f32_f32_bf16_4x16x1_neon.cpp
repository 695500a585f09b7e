#include "kernels/simd/f32x16_neon.h"
// The register type comes first.
#include "kernels/matmul/tile_float.h"

namespace runnel {

void matmul_f32_f32_bf16_4x16x1_neon(const MatmulArgs& args) noexcept { multiply_tall<Bf16Values, 4>(args); }

}  // namespace runnel
