#include "kernels/simd/f32x16_avx512.h"
// The register type comes first.
#include "kernels/attention/attention_rows.h"

namespace runnel {

extern const AttentionKernel attention_avx512vnni;
constinit const AttentionKernel attention_avx512vnni = attention_table("attention_avx512vnni", Isa::avx512vnni);

}  // namespace runnel
