// A step of the executor: recorded part by part, handed over in submissions of bounded length.
#include <cstdio>

#include "graph/vulkan/executor.h"
#include "kernels/base/clock.h"

namespace runnel::vulkan {
namespace {

// A part is cut when it has so much work: what the slowest device that is worth using does in a slice.
constexpr uint64_t kPartWork = 8'000'000;

Status cancelled(uint32_t layer) noexcept {
  return Status::error(Code::cancelled, "executor: cancelled in layer %u", layer);
}

}  // namespace

void describe_node(const CpuCall& call, char (&text)[96]) noexcept {
  for (uint32_t i = 0; i < call.input_count; ++i) {
    const TensorDesc* desc = call.in[i].desc;
    if (desc == nullptr || desc->rows < 2) continue;
    std::snprintf(text, sizeof text, "%s %s (%u, %u)", call.op->name, dtype_info(desc->dtype).name, desc->rows,
                  desc->cols);
    return;
  }
  std::snprintf(text, sizeof text, "%s (%u)", call.op->name, call.out[0].cols);
}

Status Executor::record_step(Recorder& recorder, Recording* recording) noexcept {
  Device& device = device_.device();
  bool open = false;
  const auto close = [&]() noexcept {
    if (!open) return Status();
    open = false;
    return recorder.end();
  };
  for (uint32_t n = 0; n < sides_.size(); ++n) {
    const bool on_device = sides_[n] == Side::device;
    if (sides_[n] == Side::view || sides_[n] == Side::early || program_.call(n).out[0].rows == 0) continue;
    StepPart* part = recording->parts.empty() ? nullptr : &recording->parts.back();
    const uint64_t work = node_work(program_.call(n));
    if (part == nullptr || part->on_device != on_device || part->work + work > kPartWork) {
      RUNNEL_TRY(close());
      VkCommandBuffer commands = VK_NULL_HANDLE;
      if (on_device) {
        RUNNEL_ASSIGN(commands, device.make_commands());
      }
      if (!recording->commands.push(commands)) {
        device.free_commands(commands);
        return out_of_memory("vulkan", "a recorded step");
      }
      if (!recording->parts.push({n, n, on_device, 0})) return out_of_memory("vulkan", "a recorded step");
      part = &recording->parts.back();
      if (on_device) {
        RUNNEL_TRY(recorder.begin(commands));
        open = true;
      }
    }
    part->end = n + 1;
    part->work += work;
    if (on_device) RUNNEL_TRY(find_vulkan_op(program_.call(n).op)->record(nodes_[n], recorder));
  }
  return close();
}

// While one submission runs the next one is handed over, so that the device does not wait for us between them.
Status Executor::run_parts(const Recording& recording, const StepInput& input, ParallelFor& workers) noexcept {
  Device& device = device_.device();
  struct Flight {
    uint64_t submission = 0, work = 0;
  } flight;
  uint64_t busy_since = 0;
  const auto land = [&]() noexcept {
    if (flight.submission == 0) return Status();
    RUNNEL_TRY(device.wait(flight.submission));
    const uint64_t now = now_ns();
    pace_.learn(flight.work, now - busy_since);
    busy_since = now;
    flight = {};
    return Status();
  };
  const std::span<const StepPart> parts = recording.parts;
  const std::span<const VkCommandBuffer> commands = recording.commands;
  for (size_t p = 0; p < parts.size();) {
    if (input.cancel != nullptr && input.cancel->load(std::memory_order_relaxed)) {
      RUNNEL_TRY(land());
      return cancelled(program_.graph().nodes[parts[p].begin].layer);
    }
    if (!parts[p].on_device) {
      RUNNEL_TRY(land());
      for (uint32_t n = parts[p].begin; n < parts[p].end; ++n) {
        if (sides_[n] == Side::cpu) RUNNEL_TRY(program_.run_node(n, workers));
      }
      ++p;
      continue;
    }
    size_t end = p + 1;
    uint64_t work = parts[p].work;
    for (; end < parts.size() && parts[end].on_device && pace_.fits(work + parts[end].work); ++end)
      work += parts[end].work;
    const bool idle = flight.submission == 0;
    const uint64_t handed_over = now_ns();
    RUNNEL_ASSIGN(const uint64_t submission, device.submit(commands.subspan(p, end - p)));
    RUNNEL_TRY(land());
    if (idle) busy_since = handed_over;
    flight = {submission, work};
    p = end;
  }
  return land();
}

}  // namespace runnel::vulkan
