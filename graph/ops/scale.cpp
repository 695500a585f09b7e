// y[r][c] = factor * x[r][c]
//
// in: x (rows, cols).  out: like x.
#include "graph/cpu/cpu_op.h"
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

void run(const CpuCall& call, const CpuStep& step, uint32_t, Slice slice, uint32_t) noexcept {
  const auto factor = static_cast<float>(call.attrs[kFactor]);
  for (uint32_t r = slice.begin; r < slice.end; ++r) {
    step.vector->scale_row(call.in[0].row(r), factor, call.out[0].cols, call.out[0].row(r));
  }
}

constexpr CpuOp kCpu = {.split = split_rows, .run = run};

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
    .cpu = &kCpu,
};

}  // namespace runnel
