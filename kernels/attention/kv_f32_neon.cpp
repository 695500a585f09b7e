#include "kernels/simd/f32x16_neon.h"
// The register type comes first.
#include "kernels/attention/kv_f32.h"
#include "kernels/attention/kv_rows.h"

namespace runnel {

extern const KvKernel kv_f32_neon;
constinit const KvKernel kv_f32_neon = kv_table<KvF32>("kv_f32_neon", Isa::neon);

}  // namespace runnel
