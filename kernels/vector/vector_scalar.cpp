#include "kernels/simd/f32x16_scalar.h"
// The register type comes first.
#include "kernels/vector/vector_rows.h"

namespace runnel {

extern const VectorOps vector_ops_scalar;
constinit const VectorOps vector_ops_scalar = vector_table("scalar", Isa::scalar);

}  // namespace runnel
