#include "graph/vulkan/pace.h"

#include <algorithm>

namespace runnel::vulkan {

Work node_work(const CpuCall& call, std::span<const StateSlot> slots) noexcept {
  const uint64_t outputs = uint64_t{call.out[0].rows} * call.out[0].cols;
  if (call.op == &op_linear) return {outputs * call.in[0].cols, 0};
  if (call.op != &op_attention) return {outputs, 0};
  const uint32_t window = slots[static_cast<size_t>(call.attrs[call.op->slot_attr])].window;
  return window != 0 ? Work{2 * outputs * window, 0} : Work{0, 2 * outputs};
}

void Pace::learn(uint64_t work, uint64_t ns) noexcept {
  if (ns == 0 || work == 0) return;
  // Halfway to what was seen, and never up by more than 4 at once: one odd submission must not make the next one long.
  const double seen = static_cast<double>(work) / static_cast<double>(ns);
  rate_ = std::min((rate_ + seen) / 2, rate_ * 4);
}

}  // namespace runnel::vulkan
