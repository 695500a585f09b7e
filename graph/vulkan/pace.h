// How much work is a while: what a node multiplies, and how fast a device was found to do it.
#pragma once

#include <span>

#include "graph/cpu/cpu_op.h"
#include "graph/graph.h"

namespace runnel::vulkan {

// Multiplications, about: of a step whatever is stored, and for each token that attention looks back at.
struct Work {
  uint64_t fixed = 0, per_key = 0;

  uint64_t at(uint64_t keys) const noexcept { return fixed + per_key * keys; }
  Work& operator+=(const Work& other) noexcept {
    fixed += other.fixed;
    per_key += other.per_key;
    return *this;
  }
  Work share(uint64_t part, uint64_t whole) const noexcept {
    const double factor = static_cast<double>(part) / static_cast<double>(whole);
    return {static_cast<uint64_t>(static_cast<double>(fixed) * factor),
            static_cast<uint64_t>(static_cast<double>(per_key) * factor)};
  }
};

Work node_work(const CpuCall& call, std::span<const StateSlot> slots) noexcept;

// How much work makes a submission of the wanted length: learnt from those before.
class Pace {
 public:
  static constexpr uint32_t kDefaultMs = 8;

  Pace() noexcept = default;
  explicit Pace(uint32_t slice_ms) noexcept : slice_ns_(1e6 * slice_ms) {}

  uint64_t slice_work() const noexcept { return static_cast<uint64_t>(rate_ * slice_ns_); }
  void learn(uint64_t work, uint64_t ns) noexcept;

 private:
  double slice_ns_ = 1e6 * kDefaultMs;
  double rate_ = 1;  // multiplications a nanosecond; a slow phone's at first
};

}  // namespace runnel::vulkan
