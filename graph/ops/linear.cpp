// y[r][o] = sum over i of x[r][i] * w[o][i] (+ bias[o])
//
// in: x (rows, in), w (out, in) of any storage type, optionally bias (1, out).  out: (rows, out).
#include "graph/op.h"

namespace runnel {
namespace {

Status infer(const InferArgs& args) noexcept {
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

}  // namespace

const OpDef op_linear = {
    .name = "linear",
    .since = 1,
    .min_inputs = 2,
    .max_inputs = 3,
    .min_outputs = 1,
    .max_outputs = 1,
    .attrs = {},
    .infer = infer,
};

}  // namespace runnel
