// mxfp4g32 (GGUF MXFP4, OCP microscaling): 32 four-bit floats (1 sign, 2 exponent, 1 fraction bit) with a power of two,
// w = 2^(exponent - 127) * value, 4.25 bits a weight.
#include "kernels/dtypes/block.h"

namespace runnel {
namespace {

struct Block {
  uint8_t exponent;
  uint8_t quants[16];  // byte i: values i (low nibble) and 16 + i
};

// Twice the values of the 16 codes; the scale below is half the block's, so that both are exact.
constexpr float kTwice[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

void decode(const Block& block, float* out) noexcept {
  // 2^(exponent - 128); below 2^-126 as a subnormal.
  const uint32_t bits = block.exponent < 2 ? 0x200000u << block.exponent : uint32_t(block.exponent - 1) << 23;
  const float half_scale = __builtin_bit_cast(float, bits);
  for (int i = 0; i < 16; ++i) {
    out[i] = half_scale * kTwice[block.quants[i] & 15];
    out[16 + i] = half_scale * kTwice[block.quants[i] >> 4];
  }
}

}  // namespace

constinit const DTypeInfo dtype_mxfp4g32 = row_form_type<Block, 32, decode>(DType::mxfp4g32, "mxfp4g32", 39, "mxfp4");

}  // namespace runnel
