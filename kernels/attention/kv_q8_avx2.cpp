#include "kernels/simd/f32x16_avx2.h"
// The register type comes first.
#include "kernels/attention/kv_groups.h"
#include "kernels/attention/kv_q8.h"

namespace runnel {

extern const KvKernel kv_q8_avx2;
constinit const KvKernel kv_q8_avx2 = kv_table<KvQ8>("kv_q8_avx2", Isa::avx2);

}  // namespace runnel
