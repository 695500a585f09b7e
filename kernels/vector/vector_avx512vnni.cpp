#include "kernels/simd/f32x16_avx512.h"
// The register type comes first.
#include "kernels/vector/vector_rows.h"

namespace runnel {

extern const VectorOps vector_ops_avx512vnni;
constinit const VectorOps vector_ops_avx512vnni = vector_table("avx512vnni", Isa::avx512vnni);

}  // namespace runnel
