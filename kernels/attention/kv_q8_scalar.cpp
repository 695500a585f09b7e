#include "kernels/simd/f32x16_scalar.h"
// The register type comes first.
#include "kernels/attention/kv_groups.h"
#include "kernels/attention/kv_q8.h"

namespace runnel {

extern const KvKernel kv_q8_scalar;
constinit const KvKernel kv_q8_scalar = kv_table<KvQ8>("kv_q8_scalar", Isa::scalar);

}  // namespace runnel
