#include "kernels/simd/f32x16_scalar.h"
// The register type comes first.
#include "kernels/attention/kv_f32.h"
#include "kernels/attention/kv_rows.h"

namespace runnel {

extern const KvKernel kv_f32_scalar;
constinit const KvKernel kv_f32_scalar = kv_table<KvF32>("kv_f32_scalar", Isa::scalar);

}  // namespace runnel
