// y[r][h][c] = x[r][h][c] / sqrt(mean over c of x[r][h][c]^2 + eps) * weight[c]
//
// in: x (rows, heads * width), weight (1, width).  out: like x. heads = 1 norms whole rows.
#include "graph/cpu/cpu_op.h"
#include "graph/op.h"

namespace runnel {
namespace {

enum : uint32_t { kEps, kHeads };
constexpr AttrDef kAttrs[] = {
    {"eps", AttrDef::Kind::real, 0, 1, 1e-5},
    {"heads", AttrDef::Kind::integer, 1, kMaxCols, 1},
};

Status infer(const InferArgs& args) noexcept {
  RUNNEL_TRY(require_activation(args, 0, "x"));
  const Shape& x = args.in[0].shape;
  const auto heads = static_cast<uint32_t>(args.attrs[kHeads]);
  if (x.cols % heads != 0) {
    return Status::error(Code::invalid_argument, "rms_norm: %u columns are not %u heads", x.cols, heads);
  }
  RUNNEL_TRY(require_vector(args, 1, "weight", x.cols / heads));
  args.out[0] = x;
  return {};
}

void run(const CpuCall& call, const CpuStep& step, uint32_t, Slice slice, uint32_t) noexcept {
  const auto eps = static_cast<float>(call.attrs[kEps]);
  const auto heads = static_cast<uint32_t>(call.attrs[kHeads]);
  const uint32_t width = call.in[0].cols / heads;
  const float* weight = call.in[1].vector();
  for (uint32_t r = slice.begin; r < slice.end; ++r) {
    const float* x = call.in[0].row(r);
    float* y = call.out[0].row(r);
    for (uint32_t h = 0; h < heads; ++h) {
      step.vector->rms_norm_row(x + h * width, weight, eps, width, y + h * width);
    }
  }
}

constexpr CpuOp kCpu = {.split = split_rows, .run = run};

}  // namespace

const OpDef op_rms_norm = {
    .name = "rms_norm",
    .since = 1,
    .min_inputs = 2,
    .max_inputs = 2,
    .min_outputs = 1,
    .max_outputs = 1,
    .attrs = kAttrs,
    .infer = infer,
    .in_place = 1,
    .cpu = &kCpu,
};

}  // namespace runnel
