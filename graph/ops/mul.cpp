// y[r][c] = a[r][c] * b[r][c]
//
// in: a, b (rows, cols).  out: (rows, cols).
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
};

}  // namespace runnel
