#include "kernels/simd/f32x16_avx2.h"
// The register type comes first.
#include "kernels/vector/vector_rows.h"

namespace runnel {

extern const VectorOps vector_ops_avx2;
constinit const VectorOps vector_ops_avx2 = vector_table("avx2", Isa::avx2);

}  // namespace runnel
