#include "graph/vulkan/executor.h"

#include <algorithm>
#include <cstdio>
#include <new>

#include "graph/vulkan/dots.h"
#include "graph/vulkan/parts.h"
#include "graph/vulkan/self_test.h"
#include "kernels/base/memory.h"

namespace runnel::vulkan {
namespace {

ExecutorOptions program_options(const DeviceExecutorOptions& options) noexcept {
  ExecutorOptions cpu = options.cpu;
  cpu.float_backend = FloatBackend::own;  // private copies of weights are for the CPU alone
  return cpu;
}

uint64_t logits_bytes(const CpuProgram& program, const ExecutorOptions& options) noexcept {
  const Graph& graph = program.graph();
  return uint64_t{options.max_outputs} * graph.values[graph.logits].shape.cols * sizeof(float);
}

// Null when a shader exists for the node, else why not.
const char* refuses(const CpuProgram& program, size_t node) noexcept {
  const CpuCall& call = program.call(node);
  const VulkanOp* op = find_vulkan_op(call.op);
  return op == nullptr ? "no shader for this op" : op->refuses(call, program.kv());
}

// Marks the tensors that the nodes on the device read.
template <class OnDevice>
void mark_weights(const Graph& graph, OnDevice on_device, std::span<uint8_t> wanted) noexcept {
  for (size_t n = 0; n < graph.nodes.size(); ++n) {
    if (graph.nodes[n].op->is_view || !on_device(n)) continue;
    for (uint32_t i = 0; i < graph.nodes[n].input_count; ++i) {
      const uint32_t tensor = graph.values[graph.nodes[n].inputs[i]].tensor;
      if (tensor != UINT32_MAX) wanted[tensor] = 1;
    }
  }
}

// Most that quantised activations of a node take.
uint64_t most_quant_bytes(const CpuProgram& program, const ExecutorOptions& options) noexcept {
  uint64_t most = 0;
  for (size_t n = 0; n < program.graph().nodes.size(); ++n) {
    const CpuCall& call = program.call(n);
    if (program.graph().nodes[n].op->is_view || !wants_dots(call, options.activations)) continue;
    const uint32_t rows = call.out[0].kind == Rows::outputs ? options.max_outputs : options.max_tokens;
    most = std::max(most, quant_bytes(call, rows));
  }
  return most;
}

// Most that the parts of a node's attention take.
uint64_t most_partial_bytes(const CpuProgram& program, const DeviceExecutorOptions& options) noexcept {
  const Graph& graph = program.graph();
  uint64_t most = 0;
  for (size_t n = 0; n < graph.nodes.size(); ++n) {
    if (graph.nodes[n].op->is_view) continue;
    most = std::max(most, partial_bytes(program.call(n), graph.slots, options.cpu.max_tokens, options.context_tokens));
  }
  return most;
}

DevicePlan plan_of(const CpuProgram& program, const DeviceExecutorOptions& options, uint64_t weight_bytes) noexcept {
  DevicePlan plan;
  plan.cpu = program.plan();
  plan.arena_bytes = std::exchange(plan.cpu.arena_bytes, 0);
  plan.cpu.table_bytes +=
      sizeof(Executor) + program.graph().nodes.size() * (sizeof(DeviceNode) + sizeof(Side) + Executor::kReasonBytes);
  plan.weight_bytes = weight_bytes;
  plan.step_bytes = StepBuffer::bytes(options.cpu, options.context_tokens, plan.cpu.kv) +
                    logits_bytes(program, options.cpu) + most_quant_bytes(program, options.cpu) +
                    most_partial_bytes(program, options);
  return plan;
}

}  // namespace

Result<DevicePlan> plan_executor(const Graph& graph, const DeviceExecutorOptions& options) noexcept {
  RUNNEL_ASSIGN(const CpuProgram program, CpuProgram::create(graph, program_options(options)));
  Array<uint8_t> wanted;
  if (!wanted.resize(graph.tensors.size())) return out_of_memory("vulkan", "the list of weights");
  mark_weights(
      graph, [&](size_t n) noexcept { return refuses(program, n) == nullptr; }, wanted);
  return plan_of(program, options, DeviceWeights::bytes(graph, wanted, options.import));
}

Result<DeviceExecutor*> Executor::create(ComputeDeviceImpl& device, const Graph& graph, const WeightView& weights,
                                         const DeviceExecutorOptions& options) noexcept {
  if (weights.stream != nullptr)
    return Status::error(Code::unsupported, "vulkan: streamed weights are for the CPU; use mapped ones");
  RUNNEL_ASSIGN(CpuProgram program, CpuProgram::create(graph, program_options(options)));
  void* memory = allocate(sizeof(Executor), alignof(Executor));
  if (memory == nullptr) return out_of_memory("vulkan", "an executor");
  auto* executor = new (memory) Executor(device, std::move(program), options);
  if (Status status = executor->start(weights); !status.ok()) {
    executor->destroy();
    return status;
  }
  return static_cast<DeviceExecutor*>(executor);
}

void Executor::destroy() noexcept {
  this->~Executor();
  release(this);
}

Status Executor::start(const WeightView& weights) noexcept {
  Device& device = device_.device();
  plan_ = plan_of(program_, options_, 0);
  scratch_ = Block(plan_.cpu.scratch_bytes);
  if (scratch_.data() == nullptr) return out_of_memory("vulkan", "scratch of the CPU's part");
  RUNNEL_ASSIGN(arena_, device.make_buffer(plan_.arena_bytes, Use::shared, "activations"));
  RUNNEL_ASSIGN(logits_, device.make_buffer(logits_bytes(program_, options_.cpu), Use::results, "logits"));
  RUNNEL_TRY(step_.init(device, options_.cpu, options_.context_tokens, plan_.cpu.kv));
  if (const uint64_t bytes = most_quant_bytes(program_, options_.cpu);
      takes_dots(device.info(), options_.cpu.activations) && bytes != 0) {
    RUNNEL_ASSIGN(quants_, device.make_buffer(bytes, Use::weights, "quantised activations"));
    step_.set_quants(quants_.address());
  } else {
    plan_.step_bytes -= bytes;
  }
  if (const uint64_t bytes = most_partial_bytes(program_, options_); bytes != 0) {
    RUNNEL_ASSIGN(partials_, device.make_buffer(bytes, Use::weights, "sums of attention's parts"));
    step_.set_partials(partials_.address());
  }
  RUNNEL_TRY(program_.bind(weights, arena_.data(), scratch_.data()));
  RUNNEL_TRY(pipelines_.init(&device));
  recordings_.init(&device, options_.submission_ms != 0 ? options_.submission_ms : Pace::kDefaultMs);
  RUNNEL_TRY(place_nodes(weights));
  return describe_placement();
}

// First what shaders there are for, then what of it passes the test.
Status Executor::place_nodes(const WeightView& weights) noexcept {
  const Graph& graph = program_.graph();
  const size_t count = graph.nodes.size();
  if (!sides_.resize(count) || !nodes_.resize(count) || !reasons_.resize(count))
    return out_of_memory("vulkan", "the list of nodes");
  for (size_t n = 0; n < count; ++n) {
    sides_[n] = Side::view;
    if (graph.nodes[n].op->is_view) continue;
    const char* why = refuses(program_, n);
    sides_[n] = why == nullptr ? Side::device : Side::cpu;
    if (why != nullptr) keep_reason(n, why);
    if (why != nullptr || !wants_dots(program_.call(n), options_.cpu.activations)) continue;
    nodes_[n].dots = quants_.bytes() != 0;
    if (!nodes_[n].dots && options_.cpu.activations == Activations::q8)
      keep_reason(n, "products of floats, since the driver has none of 8 bits");
  }
  Array<uint8_t> wanted;
  if (!wanted.resize(graph.tensors.size())) return out_of_memory("vulkan", "the list of weights");
  mark_weights(
      graph, [&](size_t n) noexcept { return sides_[n] == Side::device; }, wanted);
  plan_.weight_bytes = DeviceWeights::bytes(graph, wanted, options_.import);
  RUNNEL_TRY(weights_.load(device_, graph, weights, wanted, options_.import));
  address_nodes();
  bool all_passed = true;
  RUNNEL_TRY(SelfTest(*this, weights).run(&all_passed));
  if (!all_passed) {  // what the CPU reads instead is not held twice
    for (uint8_t& each : wanted) each = 0;
    mark_weights(
        graph, [&](size_t n) noexcept { return sides_[n] == Side::device; }, wanted);
    plan_.weight_bytes = DeviceWeights::bytes(graph, wanted, options_.import);
    weights_ = DeviceWeights();
    RUNNEL_TRY(weights_.load(device_, graph, weights, wanted, options_.import));
    address_nodes();
  }
  find_early_nodes();
  RUNNEL_TRY(record_token());
  device_.device().save_pipelines();
  return {};
}

Result<Recording*> Executor::recording_of(uint32_t tokens, uint32_t outputs, uint64_t keys) noexcept {
  Recording* recording = recordings_.find(tokens, outputs);
  if (recording != nullptr && !recording->stale(keys)) return recording;
  if (recording == nullptr) {
    recording = recordings_.make(tokens, outputs);
  } else {
    recordings_.clear(recording);
  }
  if (Status status = record_step(keys, recording); !status.ok()) {
    recordings_.drop(recording);
    return status;
  }
  return recording;
}

// So that no token of a generation waits for its pipelines.
Status Executor::record_token() noexcept {
  const int32_t id = 0;
  const uint32_t row = 0, outputs = options_.cpu.max_outputs == 0 ? 0 : 1;
  StepInput input;
  input.ids = {&id, 1};
  input.output_rows = {&row, outputs};
  input.logits = reinterpret_cast<float*>(logits_.data());
  program_.begin_step(input);
  return recording_of(1, outputs, 1).status();
}

VkDeviceAddress Executor::address_of(ValueId id) const noexcept {
  const Value& value = program_.graph().values[id];
  const Placement& place = program_.arena_plan().placement(id);
  switch (place.home) {
    case Placement::Home::weights: return weights_.address(value.tensor);
    case Placement::Home::arena: return arena_.address() + place.offset;
    case Placement::Home::logits: return logits_.address() + place.offset;
  }
  return 0;
}

void Executor::address_nodes() noexcept {
  const Graph& graph = program_.graph();
  for (size_t n = 0; n < nodes_.size(); ++n) {
    const Node& node = graph.nodes[n];
    nodes_[n].call = &program_.call(n);
    for (uint32_t i = 0; i < node.input_count; ++i) nodes_[n].in[i] = address_of(node.inputs[i]);
    for (uint32_t i = 0; i < node.output_count; ++i) nodes_[n].out[i] = address_of(node.outputs[i]);
  }
}

// A node on the CPU that reads weights alone (a table of positions) would cut the step in two. It may run before the
// step where nothing that an earlier node touches lies in its output's bytes.
void Executor::find_early_nodes() noexcept {
  const Graph& graph = program_.graph();
  const ArenaPlan& arena = program_.arena_plan();
  const auto range = [&](ValueId id, uint64_t* begin, uint64_t* end) noexcept {
    const Placement& place = arena.placement(id);
    if (place.home != Placement::Home::arena) return false;
    const Shape& shape = graph.values[id].shape;
    const uint64_t rows = shape.kind == Rows::tokens    ? options_.cpu.max_tokens
                          : shape.kind == Rows::outputs ? options_.cpu.max_outputs
                                                        : shape.rows;
    *begin = place.offset;
    *end = place.offset + rows * place.stride * sizeof(float);
    return true;
  };
  for (size_t n = 0; n < sides_.size(); ++n) {
    const Node& node = graph.nodes[n];
    bool early = sides_[n] == Side::cpu && node.output_count == 1;
    for (uint32_t i = 0; i < node.input_count; ++i) early = early && graph.values[node.inputs[i]].tensor != UINT32_MAX;
    uint64_t begin = 0, end = 0;
    early = early && node.op != &op_embed && range(node.outputs[0], &begin, &end);
    for (size_t before = 0; before < n && early; ++before) {
      const Node& other = graph.nodes[before];
      uint64_t other_begin = 0, other_end = 0;
      for (uint32_t i = 0; i < other.input_count; ++i)
        if (range(other.inputs[i], &other_begin, &other_end))
          early = early && (other_end <= begin || other_begin >= end);
      for (uint32_t i = 0; i < other.output_count; ++i)
        if (range(other.outputs[i], &other_begin, &other_end))
          early = early && (other_end <= begin || other_begin >= end);
    }
    if (early) sides_[n] = Side::early;
  }
}

Status Executor::describe_placement() noexcept {
  placement_.clear();
  for (size_t n = 0; n < sides_.size(); ++n) {
    if (sides_[n] == Side::view) continue;
    PlacementRow row;
    describe_node(program_.call(n), row.what);
    if (nodes_[n].dots && sides_[n] == Side::device) {
      const size_t used = std::strlen(row.what);
      std::snprintf(row.what + used, sizeof row.what - used, " by 8-bit products");
    }
    row.on_device = sides_[n] == Side::device;
    std::snprintf(row.why, sizeof row.why, "%s", reasons_[n].text);
    PlacementRow* same = nullptr;
    for (PlacementRow& known : placement_) {
      if (std::strcmp(known.what, row.what) == 0 && std::strcmp(known.why, row.why) == 0) same = &known;
    }
    if (same == nullptr) {
      if (!placement_.push(row)) return out_of_memory("vulkan", "the placement");
      same = &placement_.back();
    }
    ++same->nodes;
  }
  if (!placement_when_lost_.append(placement_)) return out_of_memory("vulkan", "the placement");
  for (PlacementRow& row : placement_when_lost_) {
    if (row.on_device) std::snprintf(row.why, sizeof row.why, "the device was lost");
    row.on_device = false;
  }
  return {};
}

std::span<const PlacementRow> Executor::placement() const noexcept {
  return lost_.load(std::memory_order_relaxed) ? placement_when_lost_ : placement_;
}

void Executor::lose_device() noexcept {
  lost_.store(true, std::memory_order_relaxed);
  all_on_cpu_ = true;
}

Status Executor::run(const StepInput& input, ParallelFor& workers) noexcept {
  RUNNEL_TRY(program_.check_step(input, workers.worker_count()));
  StepInput own = input;
  own.logits = input.output_rows.empty() ? nullptr : reinterpret_cast<float*>(logits_.data());
  program_.begin_step(own);
  Status status = run_device_step(own, workers);
  if (status.code() == Code::device_lost) lose_device();
  RUNNEL_TRY(std::move(status));
  RUNNEL_TRY(program_.end_step(own));
  if (!input.output_rows.empty()) {
    const Graph& graph = program_.graph();
    std::memcpy(input.logits, logits_.data(),
                input.output_rows.size() * graph.values[graph.logits].shape.cols * sizeof(float));
  }
  return {};
}

Status Executor::run_device_step(const StepInput& input, ParallelFor& workers) noexcept {
  const auto tokens = static_cast<uint32_t>(input.ids.size());
  const auto outputs = static_cast<uint32_t>(input.output_rows.size());
  if (all_on_cpu_) {
    for (size_t n = 0; n < sides_.size(); ++n) RUNNEL_TRY(program_.run_node(n, workers));
    return {};
  }
  RUNNEL_TRY(step_.fill(input, device_));
  for (size_t n = 0; n < sides_.size(); ++n) {
    if (sides_[n] == Side::early) RUNNEL_TRY(program_.run_node(n, workers));
  }
  RUNNEL_ASSIGN(Recording* const recording, recording_of(tokens, outputs, uint64_t{input.first_position} + tokens));
  return run_parts(input, *recording, workers);
}

}  // namespace runnel::vulkan
