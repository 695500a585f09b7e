#include "kernels/simd/f32x16_avx2.h"
// The register type comes first.
#include "kernels/attention/kv_f16.h"
#include "kernels/attention/kv_rows.h"

namespace runnel {

extern const KvKernel kv_f16_avx2;
constinit const KvKernel kv_f16_avx2 = kv_table<KvF16>("kv_f16_avx2", Isa::avx2);

}  // namespace runnel
