#include "kernels/simd/f32x16_avx512.h"
// The register type comes first.
#include "kernels/attention/kv_f32.h"
#include "kernels/attention/kv_rows.h"

namespace runnel {

extern const KvKernel kv_f32_avx512vnni;
constinit const KvKernel kv_f32_avx512vnni = kv_table<KvF32>("kv_f32_avx512vnni", Isa::avx512vnni);

}  // namespace runnel
