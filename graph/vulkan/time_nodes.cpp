// A step's nodes by themselves: what benchmarks of shaders time.
#include "graph/vulkan/executor.h"
#include "kernels/base/clock.h"

namespace runnel::vulkan {

Result<uint64_t> Executor::time_nodes(std::span<const uint32_t> nodes, uint32_t repeats) noexcept {
  Device& device = device_.device();
  const std::span<const StateSlot> slots = program_.graph().slots;
  Recording recording;
  recording.keys = options_.context_tokens;
  PartWriter parts(device, recording);
  Recorder recorder(device, pipelines_, step_.addresses(), program_.kv(), slots, parts);
  uint64_t ns = 0;
  const auto run = [&]() noexcept -> Status {
    for (uint32_t r = 0; r < repeats; ++r) {
      for (const uint32_t n : nodes) {
        RUNNEL_TRY(parts.device_node(n, node_work(program_.call(n), slots)));
        RUNNEL_TRY(find_vulkan_op(program_.call(n).op)->record(nodes_[n], recorder));
      }
    }
    RUNNEL_TRY(parts.finish());
    const uint64_t begin = now_ns();
    RUNNEL_ASSIGN(const uint64_t submission, device.submit(recording.commands));
    RUNNEL_TRY(device.wait(submission));
    ns = now_ns() - begin;
    return {};
  };
  Status status = run();
  for (const VkCommandBuffer commands : recording.commands) device.free_commands(commands);
  RUNNEL_TRY(std::move(status));
  return ns;
}

}  // namespace runnel::vulkan
