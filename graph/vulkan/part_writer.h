// Cuts a step into parts while it is recorded: command buffers of bounded work, that can be handed over one by one. A
// dispatch with more work than a part may have is cut by its work groups, none of which knows of another: the results
// are the same bits however it is cut.
//
// Thread rule: one thread at a time.
#pragma once

#include "graph/vulkan/recordings.h"

namespace runnel::vulkan {

// Commands of a dispatch.
struct Dispatch {
  VkPipeline pipeline = VK_NULL_HANDLE;
  VkPipelineLayout layout = VK_NULL_HANDLE;
  const void* push = nullptr;
  uint32_t push_bytes = 0;
  uint32_t x = 0, y = 0, z = 1;  // work groups; it is cut along x and y
};

// What of its node's work a dispatch does.
enum class Load : uint8_t { all, little };  // little: not counted, never cut

class PartWriter {
 public:
  // Borrows both; parts are appended to the recording, of recording.cut_work each at most.
  PartWriter(Device& device, Recording& recording) noexcept : device_(device), recording_(recording) {}

  // What follows until the next of these is the node's. Statuses: out_of_memory.
  Status cpu_node(uint32_t node) noexcept;
  Status device_node(uint32_t node, const Work& work) noexcept;
  // After all before it. Without work groups it records nothing.
  Status dispatch(const Dispatch& dispatch, Load load) noexcept;
  Status finish() noexcept;
  uint64_t keys() const noexcept { return recording_.keys; }

 private:
  struct Box {
    uint32_t x, y, x_count, y_count;
  };
  Status cut(const Dispatch& dispatch, const Box& box, const Work& work) noexcept;
  Status write(const Dispatch& dispatch, const Box& box, const Work& work) noexcept;
  Status open_part(bool on_device) noexcept;
  Status close_part() noexcept;

  Device& device_;
  Recording& recording_;
  uint32_t node_ = 0;
  Work work_;
  VkCommandBuffer commands_ = VK_NULL_HANDLE;  // of the part that is open
  bool first_ = false;                         // piece of a dispatch
};

}  // namespace runnel::vulkan
