#include "kernels/simd/f32x16_neon.h"
// The register type comes first.
#include "kernels/vector/vector_rows.h"

namespace runnel {

extern const VectorOps vector_ops_neon;
constinit const VectorOps vector_ops_neon = vector_table("neon", Isa::neon);

}  // namespace runnel
