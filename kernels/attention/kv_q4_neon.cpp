#include "kernels/simd/f32x16_neon.h"
// The register type comes first.
#include "kernels/attention/kv_groups.h"
#include "kernels/attention/kv_q4.h"

namespace runnel {

extern const KvKernel kv_q4_neon;
constinit const KvKernel kv_q4_neon = kv_table<KvQ4>("kv_q4_neon", Isa::neon);

}  // namespace runnel
