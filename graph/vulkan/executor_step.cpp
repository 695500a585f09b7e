// A step of the executor: recorded part by part, handed over in submissions of bounded length.
#include <cstdio>

#include "graph/vulkan/executor.h"
#include "kernels/base/clock.h"

namespace runnel::vulkan {
namespace {

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

Status Executor::record_step(uint64_t keys, Recording* recording) noexcept {
  const std::span<const StateSlot> slots = program_.graph().slots;
  const auto runs = [&](size_t n) noexcept {
    return sides_[n] != Side::view && sides_[n] != Side::early && program_.call(n).out[0].rows != 0;
  };
  Work total;
  for (size_t n = 0; n < sides_.size(); ++n)
    if (runs(n)) total += node_work(program_.call(n), slots);
  recording->plan_cuts(total, keys);
  PartWriter parts(device_.device(), *recording);
  Recorder recorder(device_.device(), pipelines_, step_.addresses(), program_.kv(), slots, parts);
  for (uint32_t n = 0; n < sides_.size(); ++n) {
    if (!runs(n)) continue;
    if (sides_[n] == Side::cpu) {
      RUNNEL_TRY(parts.cpu_node(n));
      continue;
    }
    RUNNEL_TRY(parts.device_node(n, node_work(program_.call(n), slots)));
    RUNNEL_TRY(find_vulkan_op(program_.call(n).op)->record(nodes_[n], recorder));
  }
  return parts.finish();
}

// While one submission runs the next one is handed over, so that the device does not wait for us between them.
Status Executor::run_parts(const StepInput& input, Recording& recording, ParallelFor& workers) noexcept {
  Device& device = device_.device();
  const uint64_t keys = input.first_position + input.ids.size();
  struct Flight {
    uint64_t submission = 0, work = 0;
  } flight;
  uint64_t busy_since = 0;
  const auto land = [&]() noexcept {
    if (flight.submission == 0) return Status();
    RUNNEL_TRY(device.wait(flight.submission));
    const uint64_t now = now_ns();
    recording.pace.learn(flight.work, now - busy_since);
    busy_since = now;
    flight = {};
    return Status();
  };
  const std::span<const StepPart> parts = recording.parts;
  const std::span<const VkCommandBuffer> commands = recording.commands;
  for (size_t p = 0; p < parts.size();) {
    if (input.cancel != nullptr && input.cancel->load(std::memory_order_relaxed)) {
      RUNNEL_TRY(land());
      return cancelled(program_.graph().nodes[parts[p].node].layer);
    }
    if (!parts[p].on_device) {
      RUNNEL_TRY(land());
      RUNNEL_TRY(program_.run_node(parts[p].node, workers));
      ++p;
      continue;
    }
    size_t end = p + 1;
    uint64_t work = parts[p].work.at(keys);
    for (; end < parts.size() && parts[end].on_device; ++end) {
      const uint64_t more = parts[end].work.at(keys);
      if (work + more > recording.pace.slice_work()) break;
      work += more;
    }
    const bool idle = flight.submission == 0;
    const uint64_t handed_over = now_ns();
    const Result<uint64_t> submission = device.submit(commands.subspan(p, end - p));
    RUNNEL_TRY(land());  // in any case: nobody may touch what the device still works on
    RUNNEL_TRY(submission.status());
    if (idle) busy_since = handed_over;
    flight = {*submission, work};
    p = end;
  }
  return land();
}

}  // namespace runnel::vulkan
