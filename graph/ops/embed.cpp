// y[t] = table[ids[t]]
//
// in: table (vocab, cols), any storage type.  out: (tokens, cols).
#include <cstring>

#include "graph/cpu/cpu_op.h"
#include "graph/op.h"

namespace runnel {
namespace {

Status infer(const InferArgs& args) noexcept {
  RUNNEL_TRY(require_matrix(args, 0, "table"));
  const Shape& table = args.in[0].shape;
  if (table.rows < 2)
    return Status::error(Code::invalid_argument, "embed: table has %u rows, expected a matrix", table.rows);
  args.out[0] = {Rows::tokens, 0, table.cols};
  return {};
}

struct State {
  PackedShape shape;
  bool through_scratch;  // the table's rows are wider than the output's
};

Status prepare(CpuPrepare& prepare) noexcept {
  auto& state = prepare.call.state.as<State>();
  const TensorDesc& table = *prepare.call.in[0].desc;
  const DTypeInfo& type = dtype_info(table.dtype);
  if (!packed_shape(type, table.rows, table.cols, &state.shape)) {
    return Status::error(Code::internal, "embed: table %s has no packed shape", table.name);
  }
  const uint64_t row_values = uint64_t{state.shape.blocks} * type.group;
  state.through_scratch = row_values > table.cols;
  if (state.through_scratch) prepare.worker_bytes = row_values * sizeof(float);
  return {};
}

void run(const CpuCall& call, const CpuStep& step, uint32_t, Slice slice, uint32_t worker) noexcept {
  const auto& state = call.state.as<State>();
  const CpuOperand& table = call.in[0];
  const DTypeInfo& type = dtype_info(table.desc->dtype);
  for (uint32_t t = slice.begin; t < slice.end; ++t) {
    float* y = call.out[0].row(t);
    float* row = state.through_scratch ? reinterpret_cast<float*>(step.scratch(worker)) : y;
    dequantize_packed_row(type, table.weights, state.shape, static_cast<uint32_t>(step.ids[t]), row);
    if (row != y) std::memcpy(y, row, table.cols * sizeof(float));
  }
}

constexpr CpuOp kCpu = {.prepare = prepare, .looks_up_rows = true, .split = split_rows, .run = run};

}  // namespace

const OpDef op_embed = {
    .name = "embed",
    .since = 1,
    .min_inputs = 1,
    .max_inputs = 1,
    .min_outputs = 1,
    .max_outputs = 1,
    .attrs = {},
    .infer = infer,
    .cpu = &kCpu,
};

}  // namespace runnel
