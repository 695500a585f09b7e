// y[r][o] = sum over i of x[r][i] * w[o][i] (+ bias[o])
//
// in: x (rows, in), w (out, in) of any storage type, optionally bias (1, out).  out: (rows, out).
// activation_bits: 8, 16 or 32, the coarsest form of x that quantised weights are to be multiplied with.
#include <algorithm>
#include <cstring>

#include "graph/cpu/cpu_op.h"
#include "graph/cpu/float_linear.h"
#include "graph/op.h"
#include "kernels/base/checked.h"
#include "kernels/matmul/registry.h"

namespace runnel {
namespace {

enum : uint32_t { kActivationBits };
constexpr AttrDef kAttrs[] = {{"activation_bits", AttrDef::Kind::integer, 8, 32, 8}};

Status infer(const InferArgs& args) noexcept {
  const auto bits = static_cast<uint32_t>(args.attrs[kActivationBits]);
  if (bits != 8 && bits != 16 && bits != 32)
    return Status::error(Code::invalid_argument, "linear: activation_bits is %u, not 8, 16 or 32", bits);
  RUNNEL_TRY(require_activation(args, 0, "x"));
  RUNNEL_TRY(require_matrix(args, 1, "weight"));
  const Shape& x = args.in[0].shape;
  const Shape& w = args.in[1].shape;
  if (w.rows < 2) return Status::error(Code::invalid_argument, "linear: weight has %u rows, expected a matrix", w.rows);
  if (w.cols != x.cols) {
    return Status::error(Code::invalid_argument, "linear: weight is (%u, %u), x has %u columns", w.rows, w.cols,
                         x.cols);
  }
  if (args.in.size() > 2) RUNNEL_TRY(require_vector(args, 2, "bias", w.rows));
  args.out[0] = {x.kind, x.rows, w.rows};
  return {};
}

// The left side as the kernels want it.
enum class Lhs : uint8_t {
  direct,     // x itself
  copied,     // float rows with zeros up to whole groups, aligned
  quantized,  // 8-bit or 16-bit rows
  foreign,    // x itself, read by the second float back end
};

struct State {
  MatmulChoice choice;
  uint64_t panel_bytes;
  uint32_t panels, blocks;
  uint32_t lhs_values;  // of a prepared row, padding included
  uint32_t lhs_bytes;   // of a single prepared row
  uint32_t lhs_stride;  // between many prepared rows, which may lie in tiles
  Lhs lhs;
  FloatLinear* foreign;
};

bool is_float(DType type) noexcept { return type == DType::f32 || type == DType::f16 || type == DType::bf16; }

uint32_t foreign_chunks(const TensorDesc& w) noexcept {
  return ceil_div(w.rows, float_linear_chunk_rows(w.rows, w.cols));
}

LhsType coarsest_lhs(Activations wanted, double bits) noexcept {
  switch (wanted) {
    case Activations::q8: return LhsType::q8g32;
    case Activations::q16: return LhsType::q16g32;
    case Activations::f32: return LhsType::f32;
    case Activations::automatic: break;
  }
  return bits <= 8 ? LhsType::q8g32 : bits <= 16 ? LhsType::q16g32 : LhsType::f32;
}

Status prepare(CpuPrepare& prepare) noexcept {
  auto& state = prepare.call.state.as<State>();
  const CpuOperand& x = prepare.call.in[0];
  const TensorDesc& w = *prepare.call.in[1].desc;
  const DTypeInfo& type = dtype_info(w.dtype);
  PackedShape shape;
  if (!packed_shape(type, w.rows, w.cols, &shape)) {
    return Status::error(Code::internal, "linear: weight %s has no packed shape", w.name);
  }
  if (prepare.options.float_backend == FloatBackend::xnnpack && is_float(w.dtype)) {
    state.lhs = Lhs::foreign;
    prepare.shared_bytes = float_linear_scratch_bytes(w.rows, w.cols);
    prepare.packed_copy_bytes = float_linear_bytes(w.rows, w.cols);
    return {};
  }
  state.choice = choose_matmul(w.dtype, prepare.options.isa,
                               coarsest_lhs(prepare.options.activations, prepare.call.attrs[kActivationBits]));
  state.panel_bytes = shape.panel_bytes;
  state.panels = shape.panels;
  state.blocks = shape.blocks;
  state.lhs_values = shape.blocks * type.group;
  if (state.choice.lhs != LhsType::f32) {
    state.lhs = Lhs::quantized;
    state.lhs_bytes = static_cast<uint32_t>(quantized_row_bytes(state.choice.lhs, ceil_div(state.lhs_values, 32u)));
  } else if (state.lhs_values != x.cols || !x.aligned) {
    state.lhs = Lhs::copied;
    state.lhs_bytes = round_up<uint32_t>(state.lhs_values * sizeof(float), 64);
  } else {
    state.lhs = Lhs::direct;
    state.lhs_bytes = 0;
  }
  state.lhs_stride = state.lhs_bytes;
  uint64_t rows = x.rows > 1 ? x.rows : 0;  // prepared for all workers
  if (const LhsOrder order = state.choice.order(x.rows); order != LhsOrder::rows) {
    state.lhs_stride =
        static_cast<uint32_t>(quantized_stride(state.choice.lhs, order, ceil_div(state.lhs_values, 32u)));
    rows = round_up<uint64_t>(rows, kLhsTileRows);
  }
  prepare.worker_bytes = state.lhs_bytes;
  prepare.shared_bytes = rows * state.lhs_stride;
  return {};
}

Status load(CpuCall& call, uint8_t* shared) noexcept {
  auto& state = call.state.as<State>();
  if (state.lhs != Lhs::foreign) return {};
  FloatLinearSource source;
  source.desc = call.in[1].desc;
  source.packed = call.in[1].weights;
  source.bias = call.input_count > 2 ? call.in[2].vector() : nullptr;
  source.x_stride = call.in[0].stride;
  source.y_stride = call.out[0].stride;
  source.scratch = reinterpret_cast<float*>(shared);
  RUNNEL_ASSIGN(state.foreign, create_float_linear(source));
  return {};
}

void unload(CpuCall& call) noexcept { destroy_float_linear(call.state.as<State>().foreign); }

// Row r of x to its place among the prepared ones.
void prepare_row(const State& state, const CpuOperand& x, uint32_t r, uint8_t* lhs) noexcept {
  if (state.lhs == Lhs::quantized) {
    quantize_row_of(state.choice.lhs, state.choice.order(x.rows), x.row(r), x.cols, ceil_div(state.lhs_values, 32u), r,
                    lhs);
    return;
  }
  uint8_t* out = lhs + size_t{r} * state.lhs_bytes;
  std::memcpy(out, x.row(r), x.cols * sizeof(float));
  std::memset(out + x.cols * sizeof(float), 0, (state.lhs_values - x.cols) * sizeof(float));
}

enum : uint32_t { kPrepareRows, kMultiply };
constexpr const char* kPhaseNames[] = {"prepare rows", "multiply"};

Split split(const CpuCall& call, const CpuStep& step, uint32_t phase) noexcept {
  const auto& state = call.state.as<State>();
  const uint32_t rows = call.out[0].rows;
  if (phase == kPrepareRows) {
    // A single row is prepared by each worker for itself: cheaper than a barrier.
    if (state.lhs == Lhs::direct || state.lhs == Lhs::foreign || rows == 1) return {};
    return split_rows(call, step, phase);
  }
  if (state.lhs == Lhs::foreign) return {foreign_chunks(*call.in[1].desc), 1};
  // Slices large enough to pay for being handed out, small enough that 8 workers end together.
  constexpr uint64_t kSliceBytes = 16384;  // of weights, times rows
  constexpr uint32_t kSlices = 64;
  const uint64_t panel_work = state.panel_bytes * rows;
  const auto least = static_cast<uint32_t>(std::min<uint64_t>(ceil_div(kSliceBytes, panel_work), state.panels));
  const uint32_t panels = std::max(least, ceil_div(state.panels, kSlices));
  return {state.panels, round_up(panels, rows <= 4 ? 4u : 2u)};  // as many as x86's kernels take at a time
}

// All rows over panels [begin, end), which lie at `packed`.
void multiply(const CpuCall& call, const State& state, const VectorOps& vector, const void* lhs, size_t lhs_stride,
              const uint8_t* packed, Slice panels) noexcept {
  const CpuOperand& w = call.in[1];
  const CpuOperand& y = call.out[0];
  const uint32_t nr = w.desc->nr;
  MatmulArgs args;
  args.lhs = lhs;
  args.lhs_stride = lhs_stride;
  args.rhs = packed;
  args.dst = y.data + size_t{panels.begin} * nr;
  args.dst_stride = y.stride * sizeof(float);
  args.m = y.rows;
  args.n = std::min(panels.end * nr, y.cols) - panels.begin * nr;
  args.blocks = state.blocks;
  run_matmul(state.choice, w.desc->dtype, args);
  if (call.input_count < 3) return;
  const float* bias = call.in[2].vector() + size_t{panels.begin} * nr;
  for (uint32_t r = 0; r < y.rows; ++r) {
    float* row = args.dst + r * y.stride;
    vector.add_row(row, bias, args.n, row);
  }
}

void run(const CpuCall& call, const CpuStep& step, uint32_t phase, Slice slice, uint32_t worker) noexcept {
  const auto& state = call.state.as<State>();
  const CpuOperand& x = call.in[0];
  if (phase == kPrepareRows) {
    for (uint32_t r = slice.begin; r < slice.end; ++r) prepare_row(state, x, r, step.shared);
    return;
  }
  if (state.lhs == Lhs::foreign) {
    for (uint32_t chunk = slice.begin; chunk < slice.end; ++chunk) {
      run_float_linear(state.foreign, chunk, x.rows, x.data, call.out[0].data);
    }
    return;
  }
  const void* lhs = step.shared;
  size_t stride = state.lhs_stride;
  if (state.lhs == Lhs::direct) {
    lhs = x.data;
    stride = x.stride * sizeof(float);
  } else if (x.rows == 1) {
    lhs = step.scratch(worker);
    uint64_t& prepared = step.marks[worker].node_number;
    if (prepared != step.node_number) {
      prepare_row(state, x, 0, step.scratch(worker));
      prepared = step.node_number;
    }
  }
  const CpuOperand& w = call.in[1];
  if (w.weights != nullptr) {
    return multiply(call, state, *step.vector, lhs, stride, w.weights + slice.begin * state.panel_bytes, slice);
  }
  for (const WeightRun& run : w.runs) {
    const Slice part = {std::max(slice.begin, run.first_panel), std::min(slice.end, run.first_panel + run.panel_count)};
    if (part.begin >= part.end) continue;
    multiply(call, state, *step.vector, lhs, stride, run.bytes + (part.begin - run.first_panel) * state.panel_bytes,
             part);
  }
}

constexpr CpuOp kCpu = {.prepare = prepare,
                        .load = load,
                        .unload = unload,
                        .phases = 2,
                        .phase_names = kPhaseNames,
                        .panel_phase = kMultiply,
                        .split = split,
                        .run = run};

}  // namespace

const OpDef op_linear = {
    .name = "linear",
    .since = 1,
    .min_inputs = 2,
    .max_inputs = 3,
    .min_outputs = 1,
    .max_outputs = 1,
    .attrs = kAttrs,
    .infer = infer,
    .cpu = &kCpu,
};

}  // namespace runnel
