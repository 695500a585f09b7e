// y[t] = table[ids[t]]
//
// in: table (vocab, cols), any storage type.  out: (tokens, cols).
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
};

}  // namespace runnel
