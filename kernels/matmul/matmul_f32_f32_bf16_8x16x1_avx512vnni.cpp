#include "kernels/simd/f32x16_avx512.h"
// The register type comes first.
#include "kernels/matmul/tile_float.h"

namespace runnel {

void matmul_f32_f32_bf16_8x16x1_avx512vnni(const MatmulArgs& args) noexcept { multiply_tall<Bf16Values, 8>(args); }

}  // namespace runnel
