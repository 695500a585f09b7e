// A random matmul with its exact result: packed weights of any type, float activations, and the products in double of
// the very values that a kernel reads.
#pragma once

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "kernels/base/checked.h"
#include "kernels/base/memory.h"
#include "kernels/dtype.h"
#include "kernels/matmul/matmul.h"
#include "kernels/matmul/registry.h"
#include "tests/kernels/dtypes/random_blocks.h"

namespace runnel::test {

// 64-byte aligned bytes.
class AlignedBytes {
 public:
  explicit AlignedBytes(size_t bytes = 0, uint8_t fill = 0)
      : bytes_(bytes), data_(static_cast<uint8_t*>(allocate(bytes))) {
    if (bytes != 0) std::memset(data_, fill, bytes);
  }
  AlignedBytes(AlignedBytes&& other) noexcept : bytes_(other.bytes_), data_(std::exchange(other.data_, nullptr)) {}
  AlignedBytes(const AlignedBytes&) = delete;
  AlignedBytes& operator=(const AlignedBytes&) = delete;
  ~AlignedBytes() { release(data_); }
  uint8_t* data() { return data_; }
  const uint8_t* data() const { return data_; }
  size_t size() const { return bytes_; }

 private:
  size_t bytes_;
  uint8_t* data_;
};

// Random weights of a type with scales near 1, packed.
struct PackedWeights {
  PackedWeights(const DTypeInfo& dtype, uint32_t n, uint32_t blocks, std::mt19937& random)
      : type(dtype), rows(n), shape(make_shape(dtype, n, blocks)), packed(shape.bytes) {
    const size_t row_bytes = size_t(blocks) * type.block_bytes;
    std::vector<uint8_t> source = random_blocks(type, size_t(n) * blocks, random);
    if (type.quantize != nullptr) {
      std::normal_distribution<float> normal;
      std::vector<float> values(size_t(n) * blocks * type.group);
      for (float& x : values) x = normal(random);
      type.quantize(values.data(), source.data(), size_t(n) * blocks);
    } else {
      tame_scales(source);
    }
    for (uint32_t p = 0; p < shape.panels; ++p) {
      std::vector<const void*> pointers(type.nr, nullptr);
      for (uint32_t r = 0; r < type.nr && p * type.nr + r < n; ++r)
        pointers[r] = source.data() + (size_t(p) * type.nr + r) * row_bytes;
      type.pack_panel(pointers.data(), blocks, packed.data() + p * shape.panel_bytes);
    }
  }
  uint32_t depth() const { return shape.blocks * type.group; }
  std::vector<float> row(uint32_t n) const {
    std::vector<float> out(depth());
    dequantize_packed_row(type, packed.data(), shape, n, out.data());
    return out;
  }

  const DTypeInfo& type;
  uint32_t rows;
  PackedShape shape;
  AlignedBytes packed;

 private:
  static PackedShape make_shape(const DTypeInfo& dtype, uint32_t n, uint32_t blocks) {
    PackedShape shape{};
    if (!packed_shape(dtype, n, blocks * dtype.group, &shape)) std::abort();
    return shape;
  }
  // Random float16 scales span 40 binary orders; keep their fractions, make their exponents 2^-1.
  void tame_scales(std::vector<uint8_t>& source) const {
    for (size_t b = 0; b * type.block_bytes < source.size(); ++b) {
      uint8_t* block = source.data() + b * type.block_bytes;
      if (const auto fields = half_fields().find(type.name); fields != half_fields().end()) {
        for (const int at : {fields->second.first, fields->second.second})
          if (at >= 0) block[at + 1] = static_cast<uint8_t>((block[at + 1] & 0x83) | 0x38);
      } else {
        block[0] = 126;  // mxfp4g32: the exponent
      }
    }
  }
};

// Reads a quantised row.
class QuantizedLhs {
 public:
  QuantizedLhs(LhsType type, const uint8_t* row, uint32_t groups) : type_(type), row_(row), groups_(groups) {}
  int q(uint32_t k) const { return type_ == LhsType::q8g32 ? at<int8_t>(k) : at<int16_t>(size_t{k} * sizeof(int16_t)); }
  float scale(uint32_t group) const { return at<float>(value_bytes() + size_t{group} * 4); }
  int32_t start(uint32_t group) const { return at<int32_t>(value_bytes() + (size_t{groups_} + group) * 4); }
  float weighted(uint32_t group) const { return at<float>(value_bytes() + (2 * size_t{groups_} + group) * 4); }

 private:
  template <class T>
  T at(size_t offset) const {
    T value;
    std::memcpy(&value, row_ + offset, sizeof value);
    return value;
  }
  size_t value_bytes() const { return size_t{groups_} * (type_ == LhsType::q8g32 ? 32 : 64); }

  LhsType type_;
  const uint8_t* row_;
  uint32_t groups_;
};

// m rows of a left side with stride, in the order wanted, and the values a kernel sees in them. What the last tile
// lacks is not a number.
struct LeftSide {
  LeftSide(LhsType lhs, LhsOrder order, uint32_t m, uint32_t depth, std::mt19937& random) : depth(depth) {
    std::normal_distribution<float> normal;
    const uint32_t groups = ceil_div(depth, 32u);
    const uint32_t held = order == LhsOrder::rows ? m : round_up(m, kLhsTileRows);
    const size_t row_bytes = lhs == LhsType::f32 ? depth * sizeof(float) : quantized_stride(lhs, order, groups);
    // Rows that lie each for itself may lie further apart than they must.
    stride = order == LhsOrder::rows ? round_up<size_t>(row_bytes, 64) + 64 : row_bytes;
    read_bytes = stride * (held - 1) + row_bytes;
    bytes = std::make_unique<AlignedBytes>(stride * held, uint8_t{0xff});
    for (uint32_t r = 0; r < m; ++r) {
      std::vector<float> x(depth);
      for (float& value : x) value = normal(random);
      if (lhs == LhsType::f32) {
        std::memcpy(bytes->data() + r * stride, x.data(), depth * sizeof(float));
      } else {
        AlignedBytes row(quantized_row_bytes(lhs, groups));
        quantize_row(lhs, x.data(), depth, groups, row.data());
        if (order == LhsOrder::rows) {
          std::memcpy(bytes->data() + r * stride, row.data(), row.size());
        } else {
          quantize_row_of(lhs, order, x.data(), depth, groups, r, bytes->data());
        }
        const QuantizedLhs quantized(lhs, row.data(), groups);
        for (uint32_t k = 0; k < depth; ++k) x[k] = static_cast<float>(quantized.q(k)) * quantized.scale(k / 32);
      }
      values.push_back(std::move(x));
    }
  }

  uint32_t depth;
  size_t stride;
  size_t read_bytes;  // that a kernel may read
  std::unique_ptr<AlignedBytes> bytes;
  std::vector<std::vector<float>> values;
};

struct Exact {
  double value;
  double magnitude;  // sum of the products' magnitudes: what rounding errors are relative to
};
inline Exact exact_dot(const std::vector<float>& a, const std::vector<float>& b) {
  Exact sum{0, 0};
  for (size_t k = 0; k < a.size(); ++k) {
    const double product = double(a[k]) * b[k];
    sum.value += product;
    sum.magnitude += std::abs(product);
  }
  return sum;
}

}  // namespace runnel::test
