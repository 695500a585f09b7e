// y[r][c] = act(gate[r][c]) * up[r][c]
//
// in: gate, up (rows, cols).  out: (rows, cols). kind: a GateKind.
#include "graph/cpu/cpu_op.h"
#include "graph/op.h"

namespace runnel {
namespace {

enum : uint32_t { kKind };
constexpr AttrDef kAttrs[] = {{"kind", AttrDef::Kind::integer, 0, 3, 0}};

Status infer(const InferArgs& args) noexcept {
  RUNNEL_TRY(require_activation(args, 0, "gate"));
  RUNNEL_TRY(require_activation(args, 1, "up"));
  RUNNEL_TRY(require_same_shape(args, 0, 1));
  args.out[0] = args.in[0].shape;
  return {};
}

// By GateKind.
constexpr decltype(&VectorOps::silu_mul_row) kFunctions[] = {&VectorOps::silu_mul_row, &VectorOps::gelu_mul_row,
                                                             &VectorOps::gelu_tanh_mul_row, &VectorOps::relu_mul_row};

void run(const CpuCall& call, const CpuStep& step, uint32_t, Slice slice, uint32_t) noexcept {
  const auto function = step.vector->*kFunctions[static_cast<size_t>(call.attrs[kKind])];
  for (uint32_t r = slice.begin; r < slice.end; ++r) {
    function(call.in[0].row(r), call.in[1].row(r), call.out[0].cols, call.out[0].row(r));
  }
}

constexpr CpuOp kCpu = {.split = split_rows, .run = run};

}  // namespace

const OpDef op_gated = {
    .name = "gated",
    .since = 1,
    .min_inputs = 2,
    .max_inputs = 2,
    .min_outputs = 1,
    .max_outputs = 1,
    .attrs = kAttrs,
    .infer = infer,
    .in_place = 3,
    .cpu = &kCpu,
};

}  // namespace runnel
