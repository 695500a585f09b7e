#include "kernels/simd/f32x16_avx512.h"
// The register type comes first.
#include "kernels/matmul/tile_float.h"

namespace runnel {

void matmul_f32_f32_f32_1x16x1_avx512vnni(const MatmulArgs& args) noexcept { multiply_single<F32Values>(args); }

}  // namespace runnel
