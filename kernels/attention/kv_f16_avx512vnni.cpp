#include "kernels/simd/f32x16_avx512.h"
// The register type comes first.
#include "kernels/attention/kv_f16.h"
#include "kernels/attention/kv_rows.h"

namespace runnel {

extern const KvKernel kv_f16_avx512vnni;
constinit const KvKernel kv_f16_avx512vnni = kv_table<KvF16>("kv_f16_avx512vnni", Isa::avx512vnni);

}  // namespace runnel
