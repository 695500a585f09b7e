// y[o] = x[output_rows[o]]: the rows of the step whose logits are wanted
//
// in: x (tokens, cols).  out: (outputs, cols).
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
};

}  // namespace runnel
