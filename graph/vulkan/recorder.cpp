#include "graph/vulkan/recorder.h"

namespace runnel::vulkan {
namespace {

// A GPU hides latency with threads: many to a row. A CPU that plays one runs a group's threads one vector after the
// other and pays for each barrier.
constexpr Tuning kGpu = {.row_threads = 64,
                         .norm_threads = 128,
                         .matrix_rows = 64,
                         .vector_rows = 16,
                         .vector_splits = 8,
                         .attention_threads = 64};
constexpr Tuning kCpu = {.row_threads = 64,
                         .norm_threads = 16,
                         .matrix_rows = 64,
                         .vector_rows = 64,
                         .vector_splits = 1,
                         .attention_threads = 64};

constexpr const VulkanOp* kOps[] = {
#define VULKAN_OP(name) &vulkan_op_##name,
#include "graph/vulkan/ops.inc"
#undef VULKAN_OP
};

}  // namespace

const Tuning& tuning_of(const DeviceInfo& device) noexcept { return device.kind == DeviceKind::cpu ? kCpu : kGpu; }

const VulkanOp* find_vulkan_op(const OpDef* op) noexcept {
  for (const VulkanOp* row : kOps) {
    if (row->op == op) return row;
  }
  return nullptr;
}

}  // namespace runnel::vulkan
