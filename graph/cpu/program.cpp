#include "graph/cpu/program.h"

#include <algorithm>
#include <cstring>

#include "graph/cpu/float_linear.h"
#include "graph/cpu/step_profile.h"
#include "kernels/base/checked.h"
#include "kernels/base/memory.h"

namespace runnel {
namespace {

Status check_options(const ExecutorOptions& options) noexcept {
  const auto check = [](const char* what, uint32_t value, uint32_t min, uint32_t max) noexcept -> Status {
    if (value >= min && value <= max) return {};
    return Status::error(Code::invalid_argument, "executor: %s is %u, expected %u to %u", what, value, min, max);
  };
  RUNNEL_TRY(check("max_tokens", options.max_tokens, 1, 1u << 20));
  RUNNEL_TRY(check("max_outputs", options.max_outputs, 0, options.max_tokens));
  RUNNEL_TRY(check("workers", options.workers, 1, 1024));
  RUNNEL_TRY(check("page_shift", options.page_shift, kMinPageShift, 12));
  return {};
}

struct PhaseWork {
  const CpuCall& call;
  const CpuStep& step;
  uint32_t phase;
};

void run_slice(void* context, Slice slice, uint32_t worker) noexcept {
  const auto& work = *static_cast<const PhaseWork*>(context);
  work.call.op->cpu->run(work.call, work.step, work.phase, slice, worker);
}

uint32_t rows_of(const Shape& shape, uint32_t tokens, uint32_t outputs) noexcept {
  switch (shape.kind) {
    case Rows::fixed: return shape.rows;
    case Rows::tokens: return tokens;
    case Rows::outputs: return outputs;
  }
  return 0;
}

}  // namespace

Split split_rows(const CpuCall& call, const CpuStep&, uint32_t) noexcept {
  constexpr uint32_t kSliceValues = 8192;
  const uint32_t cols = call.out[0].cols;
  return {call.out[0].rows, cols >= kSliceValues ? 1 : kSliceValues / cols};
}

void CpuProgram::lay_out(Tables* tables) noexcept {
  arena_plan_ = ArenaPlan(tables, *graph_);
  calls_ = tables->take<CpuCall>(graph_->nodes.size());
  touched_ = tables->take<uint8_t>(graph_->nodes.size());
  kv_slots_ = tables->take<KvSlotLayout>(graph_->slots.size());
  marks_ = tables->take<CpuStep::WorkerMark>(options_.workers);
}

Result<CpuProgram> CpuProgram::create(const Graph& graph, const ExecutorOptions& options) noexcept {
  RUNNEL_TRY(check_options(options));
  CpuProgram program;
  program.graph_ = &graph;
  program.options_ = options;
  Tables count;
  program.lay_out(&count);
  program.memory_ = Block(count.bytes());
  if (program.memory_.data() == nullptr) return out_of_memory("executor", "its tables");
  Tables tables(program.memory_.data());
  program.lay_out(&tables);
  program.plan_.table_bytes = tables.bytes();
  RUNNEL_TRY(program.prepare());
  return program;
}

void CpuProgram::fill_operand(ValueId id, CpuOperand* operand) const noexcept {
  const Value& value = graph_->values[id];
  operand->kind = value.shape.kind;
  operand->rows = rows_of(value.shape, options_.max_tokens, options_.max_outputs);
  operand->cols = value.shape.cols;
  if (value.tensor != UINT32_MAX) {
    operand->desc = &graph_->tensors[value.tensor];
    return;
  }
  const Placement& place = arena_plan_.placement(id);
  operand->stride = place.stride;
  operand->aligned = place.home == Placement::Home::arena && place.offset % kCacheLineBytes == 0;
}

Status CpuProgram::prepare() noexcept {
  const Graph& graph = *graph_;
  RUNNEL_TRY(arena_plan_.make(graph, {options_.max_tokens, options_.max_outputs}));
  plan_.arena_bytes = arena_plan_.arena_bytes();
  if (options_.float_backend == FloatBackend::xnnpack) {
    RUNNEL_TRY(float_linear_ready());
    plan_.arena_bytes += kCacheLineBytes;  // it reads past the last row
  }
  kv_ = {kv_slots_, {}, options_.kv};
  kv_.groups.page_shift = options_.page_shift;
  if (!lay_out_kv(graph.slots, &kv_)) return Status::error(Code::invalid_argument, "executor: a KV page is too large");
  plan_.kv = kv_.groups;

  for (size_t n = 0; n < graph.nodes.size(); ++n) {
    const Node& node = graph.nodes[n];
    CpuCall& call = calls_[n];
    call.op = node.op;
    call.attrs = node.attrs;
    call.input_count = node.input_count;
    call.output_count = node.output_count;
    for (uint32_t i = 0; i < node.input_count; ++i) fill_operand(node.inputs[i], &call.in[i]);
    for (uint32_t i = 0; i < node.output_count; ++i) fill_operand(node.outputs[i], &call.out[i]);
    if (node.op == &op_embed) id_limit_ = std::min(id_limit_, call.in[0].rows);
    if (node.op->is_view || node.op->cpu->prepare == nullptr) continue;
    CpuPrepare prepare{options_, kv_, graph.slots, call};
    RUNNEL_TRY(node.op->cpu->prepare(prepare).with_context("executor: node %zu of layer %u", n, node.layer));
    shared_bytes_ = std::max(shared_bytes_, prepare.shared_bytes);
    worker_bytes_ = std::max(worker_bytes_, prepare.worker_bytes);
    if (!checked_add(plan_.packed_copy_bytes, prepare.packed_copy_bytes, &plan_.packed_copy_bytes)) {
      return Status::error(Code::invalid_argument, "executor: private weights overflow");
    }
  }
  // Workers' parts a cache line apart from each other's last bytes.
  uint64_t all_workers = 0;
  if (!checked_align<uint64_t>(shared_bytes_, kCacheLineBytes, &shared_bytes_) ||
      !checked_align<uint64_t>(worker_bytes_, kCacheLineBytes, &worker_bytes_) ||
      !checked_mul<uint64_t>(worker_bytes_, options_.workers, &all_workers) ||
      !checked_add(shared_bytes_, all_workers, &plan_.scratch_bytes)) {
    return Status::error(Code::invalid_argument, "executor: the scratch is too large");
  }
  return {};
}

void CpuProgram::bind_operand(ValueId id, uint8_t* arena, CpuOperand* operand) const noexcept {
  const Value& value = graph_->values[id];
  const Placement& place = arena_plan_.placement(id);
  switch (place.home) {
    case Placement::Home::weights: operand->weights = weights_.data(weights_.context, value.tensor); break;
    case Placement::Home::arena: operand->data = reinterpret_cast<float*>(arena + place.offset); break;
    case Placement::Home::logits: break;  // by begin_step()
  }
}

Status CpuProgram::bind(const WeightView& weights, uint8_t* arena, uint8_t* scratch) noexcept {
  weights_ = weights;
  arena_ = arena;
  step_.shared = scratch;
  step_.worker_scratch = scratch + shared_bytes_;
  step_.worker_stride = worker_bytes_;
  step_.marks = marks_.data();
  step_.vector = &vector_ops(options_.isa);
  for (size_t n = 0; n < calls_.size(); ++n) {
    const Node& node = graph_->nodes[n];
    for (uint32_t i = 0; i < node.input_count; ++i) bind_operand(node.inputs[i], arena, &calls_[n].in[i]);
    for (uint32_t i = 0; i < node.output_count; ++i) bind_operand(node.outputs[i], arena, &calls_[n].out[i]);
    // Only the second float back end copies weights.
    if (options_.float_backend == FloatBackend::own || node.op->is_view || node.op->cpu->load == nullptr) continue;
    RUNNEL_TRY(touch_weights(n));
    loaded_ = n + 1;
    RUNNEL_TRY(node.op->cpu->load(calls_[n], step_.shared));
  }
  return {};
}

// A program that was moved from has no memory any more, and nothing to unload.
CpuProgram::~CpuProgram() {
  if (memory_.data() == nullptr) return;
  for (CpuCall& call : calls_.first(loaded_)) {
    if (!call.op->is_view && call.op->cpu->unload != nullptr) call.op->cpu->unload(call);
  }
}

Status CpuProgram::check_step(const StepInput& input, uint32_t workers) const noexcept {
  const size_t tokens = input.ids.size();
  if (tokens == 0 || tokens > options_.max_tokens) {
    return Status::error(Code::invalid_argument, "executor: a step of %zu tokens, expected 1 to %u", tokens,
                         options_.max_tokens);
  }
  if (tokens > UINT32_MAX - input.first_position) {
    return Status::error(Code::invalid_argument, "executor: %zu tokens from position %u on", tokens,
                         input.first_position);
  }
  for (size_t i = 0; i < tokens; ++i) {
    if (input.ids[i] < 0 || static_cast<uint32_t>(input.ids[i]) >= id_limit_) {
      return Status::error(Code::invalid_argument, "executor: token id %d at %zu, the vocabulary has %u", input.ids[i],
                           i, id_limit_);
    }
  }
  if (input.output_rows.size() > options_.max_outputs) {
    return Status::error(Code::invalid_argument, "executor: %zu rows of logits, at most %u were planned",
                         input.output_rows.size(), options_.max_outputs);
  }
  for (size_t i = 0; i < input.output_rows.size(); ++i) {
    if (input.output_rows[i] >= tokens || (i > 0 && input.output_rows[i] <= input.output_rows[i - 1])) {
      return Status::error(Code::invalid_argument, "executor: logits of row %u at %zu, expected ascending rows of %zu",
                           input.output_rows[i], i, tokens);
    }
  }
  if (!input.output_rows.empty() && input.logits == nullptr) {
    return Status::error(Code::invalid_argument, "executor: no place for %zu rows of logits", input.output_rows.size());
  }
  if (!graph_->slots.empty() && input.pages == nullptr) {
    return Status::error(Code::invalid_argument, "executor: no page table");
  }
  if (workers > options_.workers) {
    return Status::error(Code::invalid_argument, "executor: %u workers, %u were planned", workers, options_.workers);
  }
  return {};
}

void CpuProgram::begin_step(const StepInput& input) noexcept {
  step_.tokens = static_cast<uint32_t>(input.ids.size());
  step_.outputs = static_cast<uint32_t>(input.output_rows.size());
  step_.first_position = input.first_position;
  step_.ids = input.ids.data();
  step_.output_rows = input.output_rows.data();
  step_.pages = input.pages;
  profile_ = input.profile;
  cancel_ = input.cancel;
  if (weights_.stream != nullptr) weights_.stream->begin(weights_.stream->context, step_.outputs != 0);
  if (profile_ != nullptr) profile_->begin_step(step_.first_position, step_.tokens, step_.outputs);
  const auto update = [&](ValueId id, CpuOperand* operand) noexcept {
    if (operand->kind == Rows::tokens) operand->rows = step_.tokens;
    if (operand->kind == Rows::outputs) operand->rows = step_.outputs;
    const Placement& place = arena_plan_.placement(id);
    if (place.home != Placement::Home::logits) return;
    operand->data = input.logits == nullptr ? nullptr : input.logits + place.offset / sizeof(float);
  };
  for (size_t n = 0; n < calls_.size(); ++n) {
    const Node& node = graph_->nodes[n];
    for (uint32_t i = 0; i < node.input_count; ++i) update(node.inputs[i], &calls_[n].in[i]);
    for (uint32_t i = 0; i < node.output_count; ++i) update(node.outputs[i], &calls_[n].out[i]);
  }
}

Status CpuProgram::touch_weights(size_t n) noexcept {
  const Node& node = graph_->nodes[n];
  for (uint32_t i = 0; i < node.input_count && weights_.touch != nullptr; ++i) {
    const uint32_t tensor = graph_->values[node.inputs[i]].tensor;
    if (tensor != UINT32_MAX) RUNNEL_TRY(weights_.touch(weights_.context, tensor));
  }
  touched_[n] = 1;
  return {};
}

void CpuProgram::run_phase(size_t n, const CpuCall& call, const CpuStep& step, uint32_t phase,
                           ParallelFor& workers) noexcept {
  const Split split = call.op->cpu->split(call, step, phase);
  if (split.units == 0) return;
  PhaseWork work{call, step, phase};
  if (profile_ != nullptr) {
    profile_->run_phase(n, phase, split, run_slice, &work, workers);
  } else {
    run_split(split, run_slice, &work, workers);
  }
}

Status CpuProgram::run_node(size_t n, ParallelFor& workers) noexcept {
  const CpuCall& call = calls_[n];
  if (call.op->is_view || call.out[0].rows == 0) return {};
  if (touched_[n] == 0) RUNNEL_TRY(touch_weights(n));
  ++step_.node_number;
  const CpuOp& cpu = *call.op->cpu;
  if (cpu.looks_up_rows && is_streamed(call, 0)) return run_look_up(n, workers);
  const bool streamed = cpu.panel_phase != kNoPhase && is_streamed(call, kPanelInput);
  for (uint32_t phase = 0; phase < cpu.phases; ++phase) {
    if (streamed && phase == cpu.panel_phase) {
      RUNNEL_TRY(run_panels(n, phase, workers));
    } else {
      run_phase(n, call, step_, phase, workers);
    }
  }
  return {};
}

Status CpuProgram::end_step(const StepInput& input) noexcept {
  RUNNEL_TRY(check_weights());
  const Placement& place = arena_plan_.placement(graph_->logits);
  if (place.home == Placement::Home::logits) return {};
  const uint32_t cols = graph_->values[graph_->logits].shape.cols;
  const auto* data = reinterpret_cast<const float*>(arena_ + place.offset);
  for (uint32_t r = 0; r < step_.outputs; ++r) {
    std::memcpy(input.logits + size_t{r} * cols, data + r * place.stride, cols * sizeof(float));
  }
  return {};
}

}  // namespace runnel
