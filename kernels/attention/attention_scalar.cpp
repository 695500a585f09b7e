#include "kernels/simd/f32x16_scalar.h"
// The register type comes first.
#include "kernels/attention/attention_rows.h"

namespace runnel {

extern const AttentionKernel attention_scalar;
constinit const AttentionKernel attention_scalar = attention_table("attention_scalar", Isa::scalar);

}  // namespace runnel
