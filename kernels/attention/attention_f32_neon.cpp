#include "kernels/simd/f32x16_neon.h"
// The register type comes first.
#include "kernels/attention/attention_blocks.h"

namespace runnel {

void attention_f32_neon(const AttentionArgs& args, uint32_t unit_begin, uint32_t unit_end) noexcept {
  attend<float>(args, unit_begin, unit_end);
}

}  // namespace runnel
