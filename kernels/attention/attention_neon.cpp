#include "kernels/simd/f32x16_neon.h"
// The register type comes first.
#include "kernels/attention/attention_rows.h"

namespace runnel {

extern const AttentionKernel attention_neon;
constinit const AttentionKernel attention_neon = attention_table("attention_neon", Isa::neon);

}  // namespace runnel
