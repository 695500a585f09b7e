#include "kernels/simd/f32x16_scalar.h"
// The register type comes first.
#include "kernels/attention/kv_groups.h"
#include "kernels/attention/kv_q4.h"

namespace runnel {

extern const KvKernel kv_q4_scalar;
constinit const KvKernel kv_q4_scalar = kv_table<KvQ4>("kv_q4_scalar", Isa::scalar);

}  // namespace runnel
