// What a step brings: its sizes, ids, rows of logits and page tables, in one buffer that host and device share.
#pragma once

#include "graph/cpu/executor.h"
#include "graph/vulkan/recorder.h"

namespace runnel::vulkan {

class ComputeDeviceImpl;

// As kernels/shaders/common.glsl has it.
struct StepHeader {
  uint32_t tokens, outputs, first_position, unused;
};

class StepBuffer {
 public:
  static uint64_t bytes(const ExecutorOptions& options, uint32_t context_tokens, const KvGroups& kv) noexcept;
  // Once. Statuses: out_of_memory.
  Status init(Device& device, const ExecutorOptions& options, uint32_t context_tokens, const KvGroups& kv) noexcept;
  // Requires: the step's sizes were checked. Status: invalid_argument (too many tokens, pages the device cannot see).
  Status fill(const StepInput& input, const ComputeDeviceImpl& pages) noexcept;
  const StepAddresses& addresses() const noexcept { return addresses_; }
  void set_partials(VkDeviceAddress partials) noexcept { addresses_.partials = partials; }
  void set_quants(VkDeviceAddress quants) noexcept { addresses_.quants = quants; }

 private:
  static uint64_t page_count(uint32_t context_tokens, const KvGroups& kv) noexcept {
    return (uint64_t{context_tokens} >> kv.page_shift) + 2;
  }

  Buffer buffer_;
  StepAddresses addresses_;
  KvGroups kv_;
  uint64_t pages_ = 0;  // of a table
  uint64_t ids_at_ = 0, rows_at_ = 0, tables_at_ = 0;
};

}  // namespace runnel::vulkan
