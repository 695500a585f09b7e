// tile_k.h with the Armv8.2 dot product.
#pragma once

#include "kernels/matmul/k_ops_neon.h"

namespace runnel {
namespace {

struct KOpsNeonDotprod : KLanes128 {
  static I dot(I sum, U w, Q q) noexcept { return vdotq_s32(sum, vreinterpretq_s8_u32(w), q); }
};

}  // namespace
}  // namespace runnel
