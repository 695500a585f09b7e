// y[r][c] = a[r][c] * b[r][c]
//
// in: a, b (rows, cols).  out: (rows, cols).
#include "graph/cpu/cpu_op.h"
#include "graph/op.h"

namespace runnel {
namespace {

Status infer(const InferArgs& args) noexcept {
  RUNNEL_TRY(require_activation(args, 0, "a"));
  RUNNEL_TRY(require_activation(args, 1, "b"));
  RUNNEL_TRY(require_same_shape(args, 0, 1));
  args.out[0] = args.in[0].shape;
  return {};
}

void run(const CpuCall& call, const CpuStep& step, uint32_t, Slice slice, uint32_t) noexcept {
  for (uint32_t r = slice.begin; r < slice.end; ++r) {
    step.vector->mul_row(call.in[0].row(r), call.in[1].row(r), call.out[0].cols, call.out[0].row(r));
  }
}

constexpr CpuOp kCpu = {.split = split_rows, .run = run};

}  // namespace

const OpDef op_mul = {
    .name = "mul",
    .since = 1,
    .min_inputs = 2,
    .max_inputs = 2,
    .min_outputs = 1,
    .max_outputs = 1,
    .attrs = {},
    .infer = infer,
    .in_place = 3,
    .cpu = &kCpu,
};

}  // namespace runnel
