// y[r][c] = act(x[r][c])
//
// in: x (rows, cols).  out: like x. kind: the GateKind of graph/builder.h.
#include "graph/cpu/activate.h"
#include "graph/cpu/cpu_op.h"
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

void run(const CpuCall& call, const CpuStep&, uint32_t, Slice slice, uint32_t) noexcept {
  const auto kind = static_cast<GateKind>(call.attrs[kKind]);
  for (uint32_t r = slice.begin; r < slice.end; ++r) {
    activate_row(kind, call.in[0].row(r), nullptr, call.out[0].row(r), call.out[0].cols);
  }
}

constexpr CpuOp kCpu = {.split = split_rows, .run = run};

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
    .cpu = &kCpu,
};

}  // namespace runnel
