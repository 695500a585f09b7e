#include "kernels/matmul/scalar_values.h"

namespace runnel {

void matmul_f32_f32_bf16_1x16x1_scalar(const MatmulArgs& a) noexcept { scalar_value_matmul<uint16_t, bf16_to_f32>(a); }

}  // namespace runnel
