// tile_k.h with AVX-VNNI: four byte products into 32 bits in one instruction.
#pragma once

#include "kernels/matmul/k_lanes_256.h"

namespace runnel {
namespace {

struct KOpsAvxVnni : KLanes256 {
  static constexpr bool kSums16 = false;
  static constexpr int kLevelsOffset = 128;

  static U levels(U indices) noexcept { return KLanes256::levels(indices) ^ 0x80808080u; }
  static I dot(I sum, U w, Q q) noexcept {
    return __builtin_bit_cast(I, _mm256_dpbusd_avx_epi32(bits(sum), bits(w), q));
  }
};

}  // namespace
}  // namespace runnel
