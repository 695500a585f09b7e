#include "kernels/simd/f32x16_neon.h"
// The register type comes first.
#include "kernels/attention/kv_f16.h"
#include "kernels/attention/kv_rows.h"

namespace runnel {

extern const KvKernel kv_f16_neon;
constinit const KvKernel kv_f16_neon = kv_table<KvF16>("kv_f16_neon", Isa::neon);

}  // namespace runnel
