#include "graph/vulkan/device_weights.h"

#include <algorithm>

namespace runnel::vulkan {
namespace {

constexpr uint64_t kAlign = 256;
constexpr uint64_t kMostBufferBytes = uint64_t{256} << 20;  // but for a tensor that is larger itself
constexpr uint64_t kStagingBytes = uint64_t{8} << 20;

uint64_t aligned_bytes(const TensorDesc& tensor) noexcept { return (tensor.bytes + kAlign - 1) & ~(kAlign - 1); }

}  // namespace

uint64_t DeviceWeights::bytes(const Graph& graph, std::span<const uint8_t> wanted,
                              const WeightImport& import) noexcept {
  uint64_t sum = 0;
  for (size_t t = 0; t < graph.tensors.size(); ++t) {
    if (wanted[t] != 0 && !import.holds(graph.tensors[t])) sum += aligned_bytes(graph.tensors[t]);
  }
  return sum;
}

Status DeviceWeights::load(ComputeDeviceImpl& owner, const Graph& graph, const WeightView& weights,
                           std::span<const uint8_t> wanted, const WeightImport& import) noexcept {
  Device& device = owner.device();
  const size_t count = graph.tensors.size();
  if (!addresses_.resize(count)) return out_of_memory("vulkan", "the list of weights");
  const auto copied = [&](size_t t) noexcept { return wanted[t] != 0 && !import.holds(graph.tensors[t]); };
  for (size_t t = 0; t < count; ++t) {
    addresses_[t] = 0;
    if (wanted[t] == 0 || copied(t)) continue;
    const auto tensor = static_cast<uint32_t>(t);
    if (weights.touch != nullptr) RUNNEL_TRY(weights.touch(weights.context, tensor));
    addresses_[t] = owner.imported().address(weights.data(weights.context, tensor));
  }
  Buffer staging;
  for (size_t first = 0; first < count;) {
    // As many tensors as one buffer takes.
    uint64_t sum = 0;
    size_t end = first;
    for (; end < count; ++end) {
      const uint64_t bytes = copied(end) ? aligned_bytes(graph.tensors[end]) : 0;
      if (sum != 0 && sum + bytes > kMostBufferBytes) break;
      sum += bytes;
    }
    if (sum != 0) {
      if (!buffers_.reserve(buffers_.size() + 1)) return out_of_memory("vulkan", "the list of weights");
      RUNNEL_ASSIGN(Buffer buffer, device.make_buffer(sum, Use::weights, "weights"));
      if (buffer.data() == nullptr && staging.data() == nullptr) {
        RUNNEL_ASSIGN(staging, device.make_buffer(kStagingBytes, Use::staging, "weights on their way"));
      }
      uint64_t at = 0;
      for (size_t t = first; t < end; ++t) {
        if (!copied(t)) continue;
        const auto tensor = static_cast<uint32_t>(t);
        if (weights.touch != nullptr) RUNNEL_TRY(weights.touch(weights.context, tensor));
        RUNNEL_TRY(device.upload(buffer, at, {weights.data(weights.context, tensor), graph.tensors[t].bytes}, staging));
        addresses_[t] = buffer.address() + at;
        at += aligned_bytes(graph.tensors[t]);
      }
      (void)buffers_.push(std::move(buffer));  // reserved above
    }
    first = end;
  }
  return weights.check == nullptr ? Status() : weights.check(weights.context);
}

}  // namespace runnel::vulkan
