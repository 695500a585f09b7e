#include "kernels/simd/f32x16_avx512.h"
// The register type comes first.
#include "kernels/attention/kv_groups.h"
#include "kernels/attention/kv_q8.h"

namespace runnel {

extern const KvKernel kv_q8_avx512vnni;
constinit const KvKernel kv_q8_avx512vnni = kv_table<KvQ8>("kv_q8_avx512vnni", Isa::avx512vnni);

}  // namespace runnel
