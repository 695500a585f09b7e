// Blocks of random bytes of any storage type, all of whose values are finite.
#pragma once

#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "kernels/dtype.h"
#include "tests/kernels/dtypes/reference.h"

namespace runnel::test {

inline std::vector<uint8_t> random_blocks(const DTypeInfo& type, size_t count, std::mt19937& random) {
  std::vector<uint8_t> bytes(count * type.block_bytes);
  for (size_t b = 0; b < count; ++b) {
    uint8_t* block = bytes.data() + b * type.block_bytes;
    for (uint32_t i = 0; i < type.block_bytes; ++i) block[i] = static_cast<uint8_t>(random());
    if (const auto fields = half_fields().find(type.name); fields != half_fields().end()) {
      for (const int at : {fields->second.first, fields->second.second})
        if (at >= 0 && (block[at + 1] & 0x7c) == 0x7c) block[at + 1] &= 0xbf;
    } else if (type.dtype == DType::f32 || type.dtype == DType::bf16) {
      if ((block[type.block_bytes - 1] & 0x7f) >= 0x7f) block[type.block_bytes - 1] &= 0xbf;
    } else if (type.dtype == DType::mxfp4g32) {
      if (block[0] > 250) block[0] = 250;
    }
  }
  return bytes;
}

}  // namespace runnel::test
