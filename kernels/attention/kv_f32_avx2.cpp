#include "kernels/simd/f32x16_avx2.h"
// The register type comes first.
#include "kernels/attention/kv_f32.h"
#include "kernels/attention/kv_rows.h"

namespace runnel {

extern const KvKernel kv_f32_avx2;
constinit const KvKernel kv_f32_avx2 = kv_table<KvF32>("kv_f32_avx2", Isa::avx2);

}  // namespace runnel
