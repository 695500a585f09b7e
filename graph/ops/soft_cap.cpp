// y[r][c] = cap * tanh(x[r][c] / cap)
//
// in: x (rows, cols).  out: like x.
#include "graph/op.h"

namespace runnel {
namespace {

enum : uint32_t { kCap };
constexpr AttrDef kAttrs[] = {{"cap", AttrDef::Kind::real, 1e-3, 1e6, 30}};

Status infer(const InferArgs& args) noexcept {
  RUNNEL_TRY(require_activation(args, 0, "x"));
  args.out[0] = args.in[0].shape;
  return {};
}

}  // namespace

const OpDef op_soft_cap = {
    .name = "soft_cap",
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
