// y[r][c] = act(gate[r][c]) * up[r][c]
//
// in: gate, up (rows, cols).  out: (rows, cols). kind: the GateKind of graph/builder.h.
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
};

}  // namespace runnel
