#include "runtime/bench/op_bench.h"

#include <algorithm>
#include <cstdio>
#include <string_view>

#include "graph/cost.h"
#include "graph/cpu/step_profile.h"
#include "kernels/base/clock.h"
#include "runtime/bench/bench_prompt.h"
#include "runtime/session/session_state.h"

namespace runnel {
namespace {

constexpr uint32_t kNoRow = UINT32_MAX;

struct Sample {
  uint64_t step_ns, sampling_ns;
  uint32_t index;  // in the order of measuring
};

uint32_t work_phase(const CpuOp& op) noexcept {
  return op.work_phase < 0 ? op.phases - 1 : static_cast<uint32_t>(op.work_phase);
}

double milliseconds(double ns) noexcept { return ns * 1e-6; }

// "3.attn.qkv" is "attn.qkv".
std::string_view without_layer(std::string_view name) noexcept {
  const size_t digits = name.find_first_not_of("0123456789");
  return digits != 0 && digits < name.size() && name[digits] == '.' ? name.substr(digits + 1) : name;
}

// Profiles samples one by one and sums each up by rows: the kinds of work that the graph is made of.
class Recorder {
 public:
  Recorder(Session& session, uint32_t samples) noexcept
      : state_(session_state(session)), graph_(state_.shared().file().graph()), max_samples_(samples) {}
  Status init(uint32_t steps_a_sample) noexcept;
  ~Recorder() { state_.set_profile(nullptr); }

  void start() noexcept;
  Status stop(uint64_t step_ns, uint64_t sampling_ns) noexcept;
  Result<OpProfile> finish() noexcept;

 private:
  Status add_row(const Node& node, uint32_t phase, uint32_t* index) noexcept;
  void add_sample(const Sample& sample, OpProfile* profile) noexcept;

  SessionState& state_;
  const Graph& graph_;
  uint32_t max_samples_;
  Array<StepProfile> profile_;  // one, once init() made it
  Array<OpFigures> rows_;       // names
  Array<uint32_t> row_of_;      // by node and phase
  Array<OpFigures> figures_;    // by sample and row, in nanoseconds
  Array<Sample> samples_;
};

Status Recorder::add_row(const Node& node, uint32_t phase, uint32_t* index) noexcept {
  const CpuOp& cpu = *node.op->cpu;
  OpFigures row;
  std::string_view role;
  if (node.op == &op_linear) role = without_layer(graph_.tensors[graph_.values[node.inputs[1]].tensor].name);
  const char* phase_name = cpu.phase_names == nullptr ? "" : cpu.phase_names[phase];
  std::snprintf(row.name, sizeof row.name, "%s%s%.*s%s%s", node.op->name, role.empty() ? "" : " ",
                static_cast<int>(role.size()), role.data(), *phase_name == '\0' ? "" : ", ", phase_name);
  row.is_gemm = node.op == &op_linear && phase == work_phase(cpu);
  for (*index = 0; *index < rows_.size(); ++*index) {
    if (std::string_view(rows_[*index].name) == row.name) return {};
  }
  return rows_.push(row) ? Status() : out_of_memory("bench", "the profile");
}

Status Recorder::init(uint32_t steps_a_sample) noexcept {
  RUNNEL_ASSIGN(StepProfile profile, StepProfile::create(graph_.nodes.size(), steps_a_sample, now_ns));
  if (!profile_.push(std::move(profile)) || !row_of_.resize(graph_.nodes.size() * kMaxPhases) ||
      !samples_.reserve(max_samples_))
    return out_of_memory("bench", "the profile");
  for (size_t n = 0; n < graph_.nodes.size(); ++n) {
    const Node& node = graph_.nodes[n];
    for (uint32_t phase = 0; phase < kMaxPhases; ++phase) {
      uint32_t& row = row_of_[n * kMaxPhases + phase];
      row = kNoRow;
      if (node.op->cpu != nullptr && phase < node.op->cpu->phases) RUNNEL_TRY(add_row(node, phase, &row));
    }
  }
  if (!figures_.resize(rows_.size() * max_samples_)) return out_of_memory("bench", "the profile");
  return {};
}

void Recorder::start() noexcept {
  profile_[0].clear();
  state_.set_profile(&profile_[0]);
}

// Requires: at most max_samples_ calls.
Status Recorder::stop(uint64_t step_ns, uint64_t sampling_ns) noexcept {
  state_.set_profile(nullptr);
  const double kv_value_bytes = state_.shared().kv_value_bytes();
  OpFigures* figures = figures_.data() + samples_.size() * rows_.size();
  for (size_t n = 0; n < graph_.nodes.size(); ++n) {
    const Node& node = graph_.nodes[n];
    for (uint32_t phase = 0; phase < kMaxPhases; ++phase) {
      const PhaseTimes& times = profile_[0].times(n, phase);
      const uint32_t row = row_of_[n * kMaxPhases + phase];
      if (times.runs == 0 || row == kNoRow) continue;
      OpFigures& sum = figures[row];
      sum.runs += static_cast<double>(times.runs);
      sum.jobs += static_cast<double>(times.jobs);
      sum.ms += milliseconds(static_cast<double>(times.wall_ns));
      sum.busy_ms += milliseconds(static_cast<double>(times.busy_ns));
      if (phase != work_phase(*node.op->cpu)) continue;
      for (const StepShape& step : profile_[0].steps()) {
        const NodeCost cost = node_cost(graph_, node, step, kv_value_bytes);
        sum.bytes += cost.bytes;
        sum.macs += cost.macs;
      }
    }
  }
  const Sample sample = {step_ns, sampling_ns, static_cast<uint32_t>(samples_.size())};
  return samples_.push(sample) ? Status() : out_of_memory("bench", "the profile");
}

void Recorder::add_sample(const Sample& sample, OpProfile* profile) noexcept {
  profile->step_ms += milliseconds(static_cast<double>(sample.step_ns));
  profile->sampling_ms += milliseconds(static_cast<double>(sample.sampling_ns));
  const OpFigures* figures = figures_.data() + sample.index * rows_.size();
  for (size_t r = 0; r < rows_.size(); ++r) {
    rows_[r].runs += figures[r].runs;
    rows_[r].jobs += figures[r].jobs;
    rows_[r].ms += figures[r].ms;
    rows_[r].busy_ms += figures[r].busy_ms;
    rows_[r].bytes += figures[r].bytes;
    rows_[r].macs += figures[r].macs;
  }
}

Result<OpProfile> Recorder::finish() noexcept {
  std::sort(samples_.begin(), samples_.end(), [](const Sample& a, const Sample& b) { return a.step_ns < b.step_ns; });
  const size_t outer = samples_.size() / 4;  // left out at either end
  OpProfile profile;
  profile.threads = state_.shared().plan().threads;
  profile.samples = static_cast<uint32_t>(samples_.size() - 2 * outer);
  for (size_t i = outer; i < samples_.size() - outer; ++i) add_sample(samples_[i], &profile);
  const double share = 1.0 / profile.samples;
  profile.step_ms *= share;
  profile.sampling_ms *= share;
  for (OpFigures& row : rows_) {
    if (row.runs == 0) continue;
    for (double* figure : {&row.runs, &row.jobs, &row.ms, &row.busy_ms, &row.bytes, &row.macs}) *figure *= share;
    profile.ops_ms += row.ms;
    profile.jobs += row.jobs;
    if (!profile.ops.push(row)) return out_of_memory("bench", "the profile");
  }
  std::sort(profile.ops.begin(), profile.ops.end(), [](const OpFigures& a, const OpFigures& b) { return a.ms > b.ms; });
  return profile;
}

Status check(const StepBenchOptions& options, uint32_t samples) noexcept {
  if (options.tokens != 0 && samples != 0) return {};
  return Status::error(Code::invalid_argument, "bench: a profile of %u tokens, %u times", options.tokens, samples);
}

}  // namespace

double OpProfile::non_gemm_percent() const noexcept {
  double gemm_ms = 0;
  for (const OpFigures& op : ops) gemm_ms += op.is_gemm ? op.ms : 0;
  return step_ms == 0 ? 0 : 100 * (step_ms - gemm_ms) / step_ms;
}

Result<OpProfile> profile_prefill(Session& session, const StepBenchOptions& options) noexcept {
  RUNNEL_TRY(check(options, options.repeats));
  Array<int32_t> ids;
  RUNNEL_TRY(random_ids(options.tokens, session.model().info().vocab_size, 1, &ids));
  Recorder recorder(session, options.repeats);
  RUNNEL_TRY(recorder.init(options.tokens));
  for (uint32_t i = 0; i < options.warm_up + options.repeats; ++i) {
    RUNNEL_TRY(reach_depth(session, options.depth));
    recorder.start();
    const uint64_t start = now_ns();
    RUNNEL_TRY(session.append(ids));
    RUNNEL_TRY(session.logits().status());
    const uint64_t end = now_ns();
    if (i >= options.warm_up) RUNNEL_TRY(recorder.stop(end - start, 0));
  }
  return recorder.finish();
}

Result<OpProfile> profile_decode(Session& session, const StepBenchOptions& options) noexcept {
  RUNNEL_TRY(check(options, options.tokens));
  RUNNEL_TRY(reach_depth(session, options.depth == 0 ? 1 : options.depth));
  Recorder recorder(session, options.tokens);
  RUNNEL_TRY(recorder.init(1));
  for (uint32_t i = 0; i < options.warm_up + options.tokens; ++i) {
    recorder.start();
    const uint64_t start = now_ns();
    RUNNEL_ASSIGN(const int32_t id, session.sample({}));
    const uint64_t picked = now_ns();
    RUNNEL_TRY(session.append({&id, 1}));
    RUNNEL_TRY(session.logits().status());
    const uint64_t end = now_ns();
    if (i >= options.warm_up) RUNNEL_TRY(recorder.stop(end - start, picked - start));
  }
  return recorder.finish();
}

}  // namespace runnel
