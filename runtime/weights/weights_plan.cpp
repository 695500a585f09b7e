#include "runtime/weights/weights_plan.h"

#include <algorithm>
#include <cstdio>

#include "runtime/os/memory_figures.h"
#include "runtime/weights/resident_weights.h"

namespace runnel {
namespace {

// Enough to keep the device busy while attention and sampling need no weights; more would only be pinned less.
constexpr uint32_t kMostRingSlots = 32;

}  // namespace

Result<WeightsPlan> WeightsPlan::make(const ModelFile& file, WeightsMode mode, FloatBackend backend) noexcept {
  WeightsPlan plan;
  plan.mode_ = mode;
  // What lies in memory already stays where it is.
  if (file.in_memory()) plan.mode_ = WeightsMode::mapped;
  if (plan.mode_ == WeightsMode::resident) plan.resident_bytes_ = ResidentWeights::private_bytes(file);
  if (plan.mode_ != WeightsMode::streamed) return plan;
  if (backend == FloatBackend::xnnpack)
    return Status::error(Code::unsupported, "open: XNNPACK keeps copies of float weights, which cannot be streamed");
  RUNNEL_ASSIGN(plan.schedule_, StreamSchedule::make(file.graph(), file.data_bytes(), file.chunk_bytes()));
  plan.spend(0);
  return plan;
}

// All slots pinned when they suffice for all blocks, else an eighth of them, within bounds, for the ring.
StreamSplit WeightsPlan::split_of(uint32_t slots, uint32_t streamed) noexcept {
  if (slots >= streamed) return {streamed, 0};
  const uint32_t ring = std::clamp(slots / 8, BlockRing::kLeastSlots, kMostRingSlots);
  return {slots - ring, ring};
}

uint64_t WeightsPlan::bytes_of(StreamSplit split) const noexcept {
  return StreamedWeights::pinned_bytes(*schedule_, split.pinned) + StreamedWeights::ring_bytes(*schedule_, split.ring);
}

uint64_t WeightsPlan::least_bytes() const noexcept {
  if (mode_ != WeightsMode::streamed) return resident_bytes_;
  return bytes_of(split_of(BlockRing::kLeastSlots, schedule_->streamed_count()));
}

void WeightsPlan::spend(uint64_t bytes) noexcept {
  if (mode_ != WeightsMode::streamed) return;
  const uint32_t streamed = schedule_->streamed_count();
  uint32_t low = std::min(BlockRing::kLeastSlots, streamed), high = streamed;
  while (low < high) {
    const uint32_t middle = low + (high - low + 1) / 2;
    if (bytes_of(split_of(middle, streamed)) <= bytes) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  split_ = split_of(low, streamed);
}

uint64_t WeightsPlan::pinned_bytes() const noexcept {
  return schedule_ ? StreamedWeights::pinned_bytes(*schedule_, split_.pinned) : 0;
}

uint64_t WeightsPlan::ring_bytes() const noexcept {
  return schedule_ ? StreamedWeights::ring_bytes(*schedule_, split_.ring) : 0;
}

uint64_t WeightsPlan::streamed_bytes() const noexcept {
  return schedule_ ? (schedule_->streamed_count() - split_.pinned) * schedule_->block_bytes() : 0;
}

WeightsMode choose_weights_mode(const ModelFile& file, uint64_t budget_bytes, char* why, size_t why_bytes) noexcept {
  const uint64_t available = machine_memory().available_bytes;
  const uint64_t weights = file.weight_bytes();
  // Without a budget, a quarter for all else.
  const uint64_t beside = budget_bytes != 0 ? budget_bytes : available / 4;
  const bool fits = available == 0 || (weights <= available && beside <= available - weights);
  const auto mib = [](uint64_t bytes) { return static_cast<double>(bytes) / (1 << 20); };
  std::snprintf(why, why_bytes, "%.0f MiB of weights beside a budget of %.0f MiB, %.0f MiB are available", mib(weights),
                mib(beside), mib(available));
  return fits ? WeightsMode::mapped : WeightsMode::streamed;
}

}  // namespace runnel
