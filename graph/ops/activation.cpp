// y[r][c] = act(x[r][c])
//
// in: x (rows, cols).  out: like x. kind: the GateKind of graph/builder.h.
#include "graph/op.h"

namespace runnel {
namespace {

enum : uint32_t { kKind };
constexpr AttrDef kAttrs[] = {{"kind", AttrDef::Kind::integer, 0, 3, 0}};

Status infer(const InferArgs& args) noexcept {
  RUNNEL_TRY(require_activation(args, 0, "x"));
  args.out[0] = args.in[0].shape;
  return {};
}

}  // namespace

const OpDef op_activation = {
    .name = "activation",
    .since = 1,
    .min_inputs = 1,
    .max_inputs = 1,
    .min_outputs = 1,
    .max_outputs = 1,
    .attrs = kAttrs,
    .infer = infer,
    .in_place = 1,
};

}  // namespace runnel
