// y[r][c] = factor * x[r][c]
//
// in: x (rows, cols).  out: like x.
#include "graph/op.h"

namespace runnel {
namespace {

enum : uint32_t { kFactor };
constexpr AttrDef kAttrs[] = {{"factor", AttrDef::Kind::real, -1e6, 1e6, 1}};

Status infer(const InferArgs& args) noexcept {
  RUNNEL_TRY(require_activation(args, 0, "x"));
  args.out[0] = args.in[0].shape;
  return {};
}

}  // namespace

const OpDef op_scale = {
    .name = "scale",
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
