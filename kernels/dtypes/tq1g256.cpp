// tq1g256 (GGUF TQ1_0): 256 ternary values, five to a byte, w = scale * {-1, 0, 1}, 1.6875 bits a weight.
//
// A byte is the base-3 fraction of its digits, rounded up, in 256ths: multiplying by 3 moves the next digit, first one
// first, above the byte, and by a power of 3 (keeping the byte) skips digits.
#include "kernels/dtypes/block.h"

namespace runnel {
namespace {

struct Block {
  uint8_t first[32];   // digit n of byte l: value 32 n + l
  uint8_t second[16];  // digit n of byte l: value 160 + 16 n + l
  uint8_t last[4];     // digit n (of four) of byte l: value 240 + 4 n + l
  Half scale;
};

constexpr uint8_t kPowers[5] = {1, 3, 9, 27, 81};

void decode_digits(const uint8_t* bytes, int byte_count, int digits, float scale, float* out) noexcept {
  for (int n = 0; n < digits; ++n) {
    for (int l = 0; l < byte_count; ++l) {
      const auto rest = static_cast<uint8_t>(bytes[l] * kPowers[n]);
      out[n * byte_count + l] = scale * static_cast<float>((rest * 3 >> 8) - 1);
    }
  }
}

void decode(const Block& block, float* out) noexcept {
  const float scale = block.scale.value();
  decode_digits(block.first, 32, 5, scale, out);
  decode_digits(block.second, 16, 5, scale, out + 160);
  decode_digits(block.last, 4, 4, scale, out + 240);
}

}  // namespace

constinit const DTypeInfo dtype_tq1g256 = row_form_type<Block, 256, decode>(DType::tq1g256, "tq1g256", 34, "tq1_0");

}  // namespace runnel
