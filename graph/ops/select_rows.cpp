// y[o] = x[output_rows[o]]: the rows of the step whose logits are wanted
//
// in: x (tokens, cols).  out: (outputs, cols).
#include <cstring>

#include "graph/cpu/cpu_op.h"
#include "graph/op.h"

namespace runnel {
namespace {

Status infer(const InferArgs& args) noexcept {
  RUNNEL_TRY(require_activation(args, 0, "x"));
  const Shape& x = args.in[0].shape;
  if (x.kind != Rows::tokens) {
    return Status::error(Code::invalid_argument, "select_rows: x has not one row a token");
  }
  args.out[0] = {Rows::outputs, 0, x.cols};
  return {};
}

void run(const CpuCall& call, const CpuStep& step, uint32_t, Slice slice, uint32_t) noexcept {
  for (uint32_t r = slice.begin; r < slice.end; ++r) {
    std::memcpy(call.out[0].row(r), call.in[0].row(step.output_rows[r]), call.out[0].cols * sizeof(float));
  }
}

constexpr CpuOp kCpu = {.split = split_rows, .run = run};

}  // namespace

const OpDef op_select_rows = {
    .name = "select_rows",
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
