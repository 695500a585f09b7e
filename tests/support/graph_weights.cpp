#include "tests/support/graph_weights.h"

#include <cmath>
#include <cstring>
#include <random>
#include <stdexcept>

#include "kernels/base/memory.h"
#include "kernels/half.h"
#include "tests/kernels/dtypes/random_blocks.h"

namespace runnel::test {
namespace {

// Multiplies a block's scales: float16 ones, or mxfp4g32's power of two.
void multiply_scales(const DTypeInfo& type, uint8_t* block, float factor) {
  const auto fields = half_fields().find(type.name);
  if (fields == half_fields().end()) {
    block[0] = static_cast<uint8_t>(block[0] + std::ilogb(factor));
    return;
  }
  for (const int at : {fields->second.first, fields->second.second}) {
    if (at < 0) continue;
    const float scale = f16_to_f32(static_cast<uint16_t>(block[at] | block[at + 1] << 8));
    const uint16_t bits = f32_to_f16(scale * factor);
    block[at] = static_cast<uint8_t>(bits);
    block[at + 1] = static_cast<uint8_t>(bits >> 8);
  }
}

// A row of a type that we only read: any bits, with scales of one size that give values of the root mean square `size`.
std::vector<uint8_t> random_row(const DTypeInfo& type, uint32_t blocks, float size, std::mt19937& random) {
  std::vector<uint8_t> row = random_blocks(type, blocks, random);
  for (uint32_t b = 0; b < blocks; ++b) {
    uint8_t* block = &row[size_t{b} * type.block_bytes];
    if (const auto fields = half_fields().find(type.name); fields == half_fields().end()) {
      block[0] = 126;
    } else {
      for (const int at : {fields->second.first, fields->second.second})
        if (at >= 0) block[at + 1] = static_cast<uint8_t>((block[at + 1] & 0x83) | 0x38);  // 0.5 to 1, any sign
    }
  }
  std::vector<float> values(size_t{blocks} * type.group);
  type.dequantize(row.data(), values.data(), blocks);
  double squares = 0;
  for (const float value : values) squares += double{value} * value;
  const double factor = size / std::sqrt(squares / static_cast<double>(values.size()));
  for (uint32_t b = 0; b < blocks; ++b)
    multiply_scales(type, &row[size_t{b} * type.block_bytes], static_cast<float>(factor));
  return row;
}

}  // namespace

GraphWeights::GraphWeights(const Graph& graph, uint32_t seed, float scale) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> uniform(-1, 1);
  touches.resize(graph.tensors.size());
  for (const TensorDesc& desc : graph.tensors) {
    const DTypeInfo& type = dtype_info(desc.dtype);
    const uint32_t blocks = (desc.cols + type.group - 1) / type.group;
    std::vector<uint8_t> rows(size_t{desc.rows} * blocks * type.block_bytes);
    std::vector<float> padded(size_t{blocks} * type.group);
    std::vector<float> values;
    for (uint32_t r = 0; r < desc.rows; ++r) {
      const float size = scale / std::sqrt(static_cast<float>(desc.cols));
      uint8_t* row = rows.data() + size_t{r} * blocks * type.block_bytes;
      if (type.quantize == nullptr) {
        const std::vector<uint8_t> drawn = random_row(type, blocks, size, random);
        std::memcpy(row, drawn.data(), drawn.size());
      } else {
        for (uint32_t c = 0; c < desc.cols; ++c)
          padded[c] = desc.rows == 1 ? 1 + uniform(random) / 4
                                     : scale * 1.7f * uniform(random) / std::sqrt(static_cast<float>(desc.cols));
        type.quantize(padded.data(), row, blocks);
      }
      std::vector<float> back(padded.size());
      type.dequantize(row, back.data(), blocks);
      values.insert(values.end(), back.begin(), back.begin() + desc.cols);
    }
    values_.push_back(std::move(values));

    auto* packed = static_cast<uint8_t*>(allocate(desc.bytes));
    if (packed == nullptr) throw std::bad_alloc();
    if (desc.nr == 1) {
      std::memcpy(packed, rows.data(), rows.size());
    } else {
      const size_t panel_bytes = size_t{desc.nr} * blocks * type.block_bytes;
      for (uint32_t first = 0; first < desc.rows; first += desc.nr) {
        std::vector<const void*> panel(desc.nr, nullptr);
        for (uint32_t i = 0; i < desc.nr && first + i < desc.rows; ++i) {
          panel[i] = rows.data() + size_t{first + i} * blocks * type.block_bytes;
        }
        type.pack_panel(panel.data(), blocks, packed + first / desc.nr * panel_bytes);
      }
    }
    packed_.push_back(packed);
  }
}

GraphWeights::~GraphWeights() {
  for (uint8_t* packed : packed_) release(packed);
}

void GraphWeights::set_vector(uint32_t index, const std::vector<float>& values) {
  values_[index] = values;
  std::memcpy(packed_[index], values.data(), values.size() * sizeof(float));
}

void GraphWeights::set_row(uint32_t index, uint32_t row, const std::vector<float>& values) {
  auto* panel = reinterpret_cast<float*>(packed_[index]) + size_t{row} / 16 * 16 * values.size();
  for (size_t c = 0; c < values.size(); ++c)
    panel[c * 16 + row % 16] = values_[index][row * values.size() + c] = values[c];
}

WeightView GraphWeights::view() const {
  WeightView view;
  view.context = this;
  view.data = [](const void* context, uint32_t tensor) noexcept -> const uint8_t* {
    return static_cast<const GraphWeights*>(context)->packed_[tensor];
  };
  view.touch = [](const void* context, uint32_t tensor) noexcept -> Status {
    const auto& self = *static_cast<const GraphWeights*>(context);
    ++self.touches[tensor];
    if (tensor != self.refused) return {};
    return Status::error(Code::corrupt_file, "graph weights: tensor %u was refused", tensor);
  };
  view.check = [](const void* context) noexcept -> Status {
    if (!static_cast<const GraphWeights*>(context)->damaged) return {};
    return Status::error(Code::corrupt_file, "graph weights: damaged");
  };
  return view;
}

}  // namespace runnel::test
