#include "kernels/matmul/scalar_values.h"

namespace runnel {

static float same(float value) noexcept { return value; }

void matmul_f32_f32_f32_1x16x1_scalar(const MatmulArgs& a) noexcept { scalar_value_matmul<float, same>(a); }

}  // namespace runnel
