// Nodes whose weights pass through memory.
#include <algorithm>

#include "graph/cpu/program.h"
#include "graph/cpu/step_profile.h"
#include "kernels/base/checked.h"

namespace runnel {
namespace {

struct PanelWork {
  const CpuCall& call;
  const CpuStep& step;
  uint32_t phase;
  uint32_t first_panel;  // slices count from here
};

void run_panel_slice(void* context, Slice slice, uint32_t worker) noexcept {
  const auto& work = *static_cast<const PanelWork*>(context);
  const Slice panels = {slice.begin + work.first_panel, slice.end + work.first_panel};
  work.call.op->cpu->run(work.call, work.step, work.phase, panels, worker);
}

// A part of a phase is cut more finely than the whole, in groups that kernels take at once.
Split split_part(Split whole, uint32_t panels) noexcept {
  constexpr uint32_t kSlices = 16, kGroup = 4;
  const uint32_t grain = round_up(ceil_div(panels, kSlices), kGroup);
  return {panels, std::min(whole.grain, grain)};
}

constexpr uint32_t kMaxBatch = 32;

}  // namespace

Status CpuProgram::run_panels(size_t n, uint32_t phase, ParallelFor& workers) noexcept {
  CpuCall& call = calls_[n];
  const WeightStream& stream = *weights_.stream;
  const Split whole = call.op->cpu->split(call, step_, phase);
  const auto node = static_cast<uint32_t>(n);
  for (uint32_t panel = 0; panel < whole.units;) {
    RUNNEL_TRY(stream.take(stream.context, node, panel, cancel_, &call.in[kPanelInput].runs));
    const WeightRun& last = call.in[kPanelInput].runs.back();
    const uint32_t panels = last.first_panel + last.panel_count - panel;
    PanelWork work{call, step_, phase, panel};
    const Split split = split_part(whole, panels);
    if (profile_ != nullptr) {
      profile_->run_phase(n, phase, split, run_panel_slice, &work, workers);
    } else {
      run_split(split, run_panel_slice, &work, workers);
    }
    panel += panels;
  }
  call.in[kPanelInput].runs = {};
  stream.done(stream.context, node);
  return {};
}

Status CpuProgram::run_look_up(size_t n, ParallelFor& workers) noexcept {
  const WeightStream& stream = *weights_.stream;
  const uint32_t tensor = graph_->values[graph_->nodes[n].inputs[0]].tensor;
  const auto nr = static_cast<int32_t>(graph_->tensors[tensor].nr);
  CpuCall call = calls_[n];
  CpuStep step = step_;
  int32_t ids[kMaxBatch];
  const uint32_t batch = std::min(stream.row_batch, kMaxBatch);
  for (uint32_t done = 0; done < step_.tokens; done += step.tokens) {
    step.tokens = std::min(batch, step_.tokens - done);
    RUNNEL_TRY(stream.look_up(stream.context, tensor, {step_.ids + done, step.tokens}, &call.in[0].weights));
    // The panels lie one behind the other now, in the order of the ids.
    for (uint32_t i = 0; i < step.tokens; ++i) ids[i] = static_cast<int32_t>(i) * nr + step_.ids[done + i] % nr;
    step.ids = ids;
    call.out[0].data = calls_[n].out[0].row(done);
    call.out[0].rows = step.tokens;
    for (uint32_t phase = 0; phase < call.op->cpu->phases; ++phase) run_phase(n, call, step, phase, workers);
  }
  return {};
}

}  // namespace runnel
