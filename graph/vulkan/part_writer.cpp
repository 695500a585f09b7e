#include "graph/vulkan/part_writer.h"

#include <utility>

namespace runnel::vulkan {

Status PartWriter::open_part(bool on_device) noexcept {
  RUNNEL_TRY(close_part());
  VkCommandBuffer commands = VK_NULL_HANDLE;
  if (on_device) {
    RUNNEL_ASSIGN(commands, device_.make_commands());
  }
  if (!recording_.commands.push(commands)) {
    device_.free_commands(commands);
    return out_of_memory("vulkan", "a recorded step");
  }
  if (!recording_.parts.push({node_, on_device, {}})) return out_of_memory("vulkan", "a recorded step");
  if (!on_device) return {};
  const auto info = vk_struct<VkCommandBufferBeginInfo>(VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO);
  RUNNEL_TRY(check(device_.api().vkBeginCommandBuffer(commands, &info), "recording a step"));
  commands_ = commands;
  return {};
}

Status PartWriter::close_part() noexcept {
  if (commands_ == VK_NULL_HANDLE) return {};
  // For the next commands on the queue, and for the host once they are done.
  auto barrier = vk_struct<VkMemoryBarrier>(VK_STRUCTURE_TYPE_MEMORY_BARRIER);
  barrier.srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT;
  barrier.dstAccessMask = VK_ACCESS_HOST_READ_BIT;
  const Api& api = device_.api();
  api.vkCmdPipelineBarrier(commands_, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, VK_PIPELINE_STAGE_HOST_BIT, 0, 1, &barrier,
                           0, nullptr, 0, nullptr);
  return check(api.vkEndCommandBuffer(std::exchange(commands_, VK_NULL_HANDLE)), "recording a step");
}

Status PartWriter::cpu_node(uint32_t node) noexcept {
  node_ = node;
  return open_part(false);
}

Status PartWriter::device_node(uint32_t node, const Work& work) noexcept {
  node_ = node;
  work_ = work;
  return {};
}

Status PartWriter::dispatch(const Dispatch& dispatch, Load load) noexcept {
  if (dispatch.x == 0 || dispatch.y == 0 || dispatch.z == 0) return {};
  first_ = true;
  return cut(dispatch, {0, 0, dispatch.x, dispatch.y}, load == Load::all ? work_ : Work());
}

Status PartWriter::cut(const Dispatch& dispatch, const Box& box, const Work& work) noexcept {
  const bool one = box.x_count == 1 && box.y_count == 1;
  if (one || work.at(recording_.keys) <= recording_.cut_work) return write(dispatch, box, work);
  Box low = box, high = box;
  if (box.x_count >= box.y_count) {
    low.x_count = box.x_count / 2;
    high.x += low.x_count;
    high.x_count -= low.x_count;
  } else {
    low.y_count = box.y_count / 2;
    high.y += low.y_count;
    high.y_count -= low.y_count;
  }
  const uint64_t groups = uint64_t{box.x_count} * box.y_count;
  RUNNEL_TRY(cut(dispatch, low, work.share(uint64_t{low.x_count} * low.y_count, groups)));
  return cut(dispatch, high, work.share(uint64_t{high.x_count} * high.y_count, groups));
}

Status PartWriter::write(const Dispatch& dispatch, const Box& box, const Work& work) noexcept {
  const uint64_t keys = recording_.keys, size = work.at(keys);
  const uint64_t filled = commands_ == VK_NULL_HANDLE ? 0 : recording_.parts.back().work.at(keys);
  if (commands_ == VK_NULL_HANDLE || (filled != 0 && filled + size > recording_.cut_work)) RUNNEL_TRY(open_part(true));
  recording_.parts.back().work += work;
  const Api& api = device_.api();
  if (std::exchange(first_, false)) {  // the other pieces wait for nothing that this one does not wait for
    auto barrier = vk_struct<VkMemoryBarrier>(VK_STRUCTURE_TYPE_MEMORY_BARRIER);
    barrier.srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT;
    barrier.dstAccessMask = VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT;
    api.vkCmdPipelineBarrier(commands_, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT,
                             VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, 0, 1, &barrier, 0, nullptr, 0, nullptr);
  }
  api.vkCmdBindPipeline(commands_, VK_PIPELINE_BIND_POINT_COMPUTE, dispatch.pipeline);
  api.vkCmdPushConstants(commands_, dispatch.layout, VK_SHADER_STAGE_COMPUTE_BIT, 0, dispatch.push_bytes,
                         dispatch.push);
  api.vkCmdDispatchBase(commands_, box.x, box.y, 0, box.x_count, box.y_count, dispatch.z);
  return {};
}

Status PartWriter::finish() noexcept { return close_part(); }

}  // namespace runnel::vulkan
