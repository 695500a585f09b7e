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

Status Recorder::begin(VkCommandBuffer commands) noexcept {
  const Api& api = device_.api();
  const auto info = vk_struct<VkCommandBufferBeginInfo>(VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO);
  RUNNEL_TRY(check(api.vkBeginCommandBuffer(commands, &info), "recording a step"));
  commands_ = commands;
  return {};
}

Status Recorder::end() noexcept {
  // For the next commands on the queue, and for the host once they are done.
  auto barrier = vk_struct<VkMemoryBarrier>(VK_STRUCTURE_TYPE_MEMORY_BARRIER);
  barrier.srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT;
  barrier.dstAccessMask = VK_ACCESS_HOST_READ_BIT;
  const Api& api = device_.api();
  api.vkCmdPipelineBarrier(commands_, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, VK_PIPELINE_STAGE_HOST_BIT, 0, 1, &barrier,
                           0, nullptr, 0, nullptr);
  return check(api.vkEndCommandBuffer(std::exchange(commands_, VK_NULL_HANDLE)), "recording a step");
}

Status Recorder::dispatch_bytes(Shader shader, const Constants& constants, const void* push, uint32_t bytes, uint32_t x,
                                uint32_t y, uint32_t z) noexcept {
  RUNNEL_ASSIGN(const VkPipeline pipeline, pipelines_.get(shader, constants));
  if (commands_ == VK_NULL_HANDLE || x == 0 || y == 0 || z == 0) return {};
  const Api& api = device_.api();
  auto barrier = vk_struct<VkMemoryBarrier>(VK_STRUCTURE_TYPE_MEMORY_BARRIER);
  barrier.srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT;
  barrier.dstAccessMask = VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT;
  api.vkCmdPipelineBarrier(commands_, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT,
                           VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, 0, 1, &barrier, 0, nullptr, 0, nullptr);
  api.vkCmdBindPipeline(commands_, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline);
  api.vkCmdPushConstants(commands_, pipelines_.layout(), VK_SHADER_STAGE_COMPUTE_BIT, 0, bytes, push);
  api.vkCmdDispatch(commands_, x, y, z);
  return {};
}

}  // namespace runnel::vulkan
