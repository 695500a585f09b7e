// y[r][c] = (x[r][c] - mean) / sqrt(variance + eps) * weight[c] (+ bias[c]), mean and variance over c
//
// in: x (rows, cols), weight (1, cols), optionally bias (1, cols).  out: like x.
#include "graph/cpu/cpu_op.h"
#include "graph/op.h"

namespace runnel {
namespace {

enum : uint32_t { kEps };
constexpr AttrDef kAttrs[] = {{"eps", AttrDef::Kind::real, 0, 1, 1e-5}};

Status infer(const InferArgs& args) noexcept {
  RUNNEL_TRY(require_activation(args, 0, "x"));
  const Shape& x = args.in[0].shape;
  RUNNEL_TRY(require_vector(args, 1, "weight", x.cols));
  if (args.in.size() > 2) RUNNEL_TRY(require_vector(args, 2, "bias", x.cols));
  args.out[0] = x;
  return {};
}

void run(const CpuCall& call, const CpuStep& step, uint32_t, Slice slice, uint32_t) noexcept {
  const auto eps = static_cast<float>(call.attrs[kEps]);
  const float* weight = call.in[1].vector();
  const float* bias = call.input_count > 2 ? call.in[2].vector() : nullptr;
  for (uint32_t r = slice.begin; r < slice.end; ++r) {
    step.vector->layer_norm_row(call.in[0].row(r), weight, bias, eps, call.in[0].cols, call.out[0].row(r));
  }
}

constexpr CpuOp kCpu = {.split = split_rows, .run = run};

}  // namespace

const OpDef op_layer_norm = {
    .name = "layer_norm",
    .since = 1,
    .min_inputs = 2,
    .max_inputs = 3,
    .min_outputs = 1,
    .max_outputs = 1,
    .attrs = kAttrs,
    .infer = infer,
    .in_place = 1,
    .cpu = &kCpu,
};

}  // namespace runnel
