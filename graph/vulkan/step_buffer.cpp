#include "graph/vulkan/step_buffer.h"

#include <algorithm>

#include "graph/vulkan/compute_device.h"

namespace runnel::vulkan {
namespace {

uint64_t aligned(uint64_t bytes) noexcept { return (bytes + 15) & ~uint64_t{15}; }

}  // namespace

uint64_t StepBuffer::bytes(const ExecutorOptions& options, uint32_t context_tokens, const KvGroups& kv) noexcept {
  return sizeof(StepHeader) + aligned(uint64_t{options.max_tokens} * 4) + aligned(uint64_t{options.max_outputs} * 4) +
         page_count(context_tokens, kv) * kv.count * sizeof(VkDeviceAddress);
}

Status StepBuffer::init(Device& device, const ExecutorOptions& options, uint32_t context_tokens,
                        const KvGroups& kv) noexcept {
  kv_ = kv;
  pages_ = page_count(context_tokens, kv);
  ids_at_ = sizeof(StepHeader);
  rows_at_ = ids_at_ + aligned(uint64_t{options.max_tokens} * 4);
  tables_at_ = rows_at_ + aligned(uint64_t{options.max_outputs} * 4);
  RUNNEL_ASSIGN(buffer_, device.make_buffer(bytes(options, context_tokens, kv), Use::shared, "a step's input"));
  addresses_.step = buffer_.address();
  addresses_.ids = buffer_.address() + ids_at_;
  addresses_.output_rows = buffer_.address() + rows_at_;
  for (uint32_t g = 0; g < kv.count; ++g)
    addresses_.pages[g] = buffer_.address() + tables_at_ + g * pages_ * sizeof(VkDeviceAddress);
  return {};
}

Status StepBuffer::fill(const StepInput& input, const ComputeDeviceImpl& device) noexcept {
  const StepHeader header = {static_cast<uint32_t>(input.ids.size()), static_cast<uint32_t>(input.output_rows.size()),
                             input.first_position, 0};
  uint8_t* data = buffer_.data();
  std::memcpy(data, &header, sizeof header);
  std::memcpy(data + ids_at_, input.ids.data(), input.ids.size_bytes());
  if (!input.output_rows.empty())
    std::memcpy(data + rows_at_, input.output_rows.data(), input.output_rows.size_bytes());
  const uint32_t end = header.first_position + header.tokens;
  const uint32_t last = (end - 1) >> kv_.page_shift;
  for (uint32_t g = 0; g < kv_.count; ++g) {
    if (last >= pages_)
      return Status::error(Code::invalid_argument, "vulkan: token %u is beyond the context that was planned", end - 1);
    auto* table = reinterpret_cast<VkDeviceAddress*>(data + tables_at_) + g * pages_;
    // Pages that no token of the step sees may be gone.
    const uint32_t window = kv_.groups[g].window;
    const uint32_t seen = header.first_position + 1;
    const uint32_t first = window != 0 && seen > window ? (seen - window) >> kv_.page_shift : 0;
    for (uint32_t p = first; p <= last; ++p) {
      table[p] = device.page_address(input.pages[g][p]);
      if (table[p] == 0)
        return Status::error(Code::invalid_argument, "vulkan: page %u of group %u is not in the device's memory", p, g);
    }
  }
  return {};
}

}  // namespace runnel::vulkan
