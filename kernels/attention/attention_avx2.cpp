#include "kernels/simd/f32x16_avx2.h"
// The register type comes first.
#include "kernels/attention/attention_rows.h"

namespace runnel {

extern const AttentionKernel attention_avx2;
constinit const AttentionKernel attention_avx2 = attention_table("attention_avx2", Isa::avx2);

}  // namespace runnel
