// Keys and values read from a page one by one, as kernels/attention/kv_block.h describes their place: apart from the
// code under test.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include "kernels/attention/kv_block.h"
#include "kernels/dtypes/iq4_levels.h"
#include "kernels/half.h"

namespace runnel::test {

template <class Number>
Number number_at(const uint8_t* bytes, size_t index) {
  Number number;
  std::memcpy(&number, bytes + index * sizeof(number), sizeof(number));
  return number;
}

// Number d of a token in its block; `transposed` of a key.
inline float stored_number(KvType type, const uint8_t* block, uint32_t head_dim, uint32_t token, uint32_t d,
                           bool transposed) {
  const size_t index = transposed ? size_t(d) * 16 + token : size_t(token) * head_dim + d;
  switch (type) {
    case KvType::f32: return number_at<float>(block, index);
    case KvType::f16: return f16_to_f32(number_at<uint16_t>(block, index));
    case KvType::q8:
    case KvType::q4: break;
  }
  const float scale = f16_to_f32(number_at<uint16_t>(block, d / 32 * 16 + token));
  const uint8_t* bytes = block + (head_dim + 31) / 32 * 32;
  if (type == KvType::q8) return scale * number_at<int8_t>(bytes, index);
  const uint32_t group = d / 32, low = (std::min(32u, head_dim - 32 * group) + 1) / 2, in_group = d % 32;
  const uint32_t byte = 16 * group + in_group % low;
  const uint8_t both = bytes[transposed ? size_t(byte) * 16 + token : size_t(token) * ((head_dim + 1) / 2) + byte];
  return scale * static_cast<float>(kIq4Levels[in_group < low ? both & 15 : both >> 4]);
}

// Whether a type's heads are rotated before they are stored, and the rotation by its definition: signs, then blocks of
// n numbers, each times the matrix of (-1)^(number of ones of i & j) / sqrt(n). Its inverse is its transpose.
inline bool is_rotated(KvType type, bool keys) { return type == KvType::q4 || (type == KvType::q8 && keys); }
inline std::vector<double> rotation_matrix(uint32_t head_dim) {
  std::vector<double> matrix(size_t(head_dim) * head_dim);
  const uint32_t n = head_dim & (0u - head_dim);
  for (uint32_t i = 0; i < head_dim; ++i) {
    for (uint32_t j = i / n * n; j < (i / n + 1) * n; ++j) {
      const bool minus = (__builtin_popcount((i % n) & (j % n)) % 2 != 0) != (((j + 1) * 0x9e3779b9u) >> 31 != 0);
      matrix[size_t(i) * head_dim + j] = (minus ? -1 : 1) / std::sqrt(double(n));
    }
  }
  return matrix;
}
// matrix * x, or its transpose * x.
inline void multiply(const std::vector<double>& matrix, bool transpose, float* x, uint32_t n) {
  std::vector<double> out(n);
  for (uint32_t i = 0; i < n; ++i)
    for (uint32_t j = 0; j < n; ++j) out[i] += matrix[transpose ? size_t(j) * n + i : size_t(i) * n + j] * x[j];
  for (uint32_t i = 0; i < n; ++i) x[i] = float(out[i]);
}

// The most that storing x may change it; `largest` is the largest magnitude of its group.
inline float rounding(KvType type, float x, float largest) {
  switch (type) {
    case KvType::f32: return 0;
    case KvType::f16: return std::abs(x) * 0x1p-11f + 0x1p-25f;
    case KvType::q8: return largest * (0.502f / 127);  // half a step, and the scale's own rounding
    case KvType::q4: break;
  }
  return largest * 0.16f;  // half the widest gap between levels, and what least squares moves the scale
}

}  // namespace runnel::test
