// Rotates pairs (a, b) of each head: y_a = a cos_i - b sin_i, y_b = b cos_i + a sin_i, i < rotary_dim / 2
//
// Pair i is (i, i + rotary_dim / 2), or (2i, 2i + 1) when interleaved. Dimensions from rotary_dim on pass through.
// in: x (tokens, heads * head_dim), table (tokens, rotary_dim) of rope_table.  out: like x.
#include <cstring>

#include "graph/cpu/cpu_op.h"
#include "graph/op.h"

namespace runnel {
namespace {

enum : uint32_t { kHeads, kHeadDim, kRotaryDim, kInterleaved };
constexpr AttrDef kAttrs[] = {
    {"heads", AttrDef::Kind::integer, 1, 4096, 1},
    {"head_dim", AttrDef::Kind::integer, 2, 512, 2},
    {"rotary_dim", AttrDef::Kind::integer, 2, 512, 2},
    {"interleaved", AttrDef::Kind::integer, 0, 1, 0},
};

Status infer(const InferArgs& args) noexcept {
  RUNNEL_TRY(require_activation(args, 0, "x"));
  RUNNEL_TRY(require_activation(args, 1, "table"));
  const Shape& x = args.in[0].shape;
  const Shape& table = args.in[1].shape;
  const auto heads = static_cast<uint32_t>(args.attrs[kHeads]);
  const auto head_dim = static_cast<uint32_t>(args.attrs[kHeadDim]);
  const auto rotary_dim = static_cast<uint32_t>(args.attrs[kRotaryDim]);
  if (x.kind != Rows::tokens || x.cols != heads * head_dim) {
    return Status::error(Code::invalid_argument, "rope: x has %u columns, expected %u heads of %u, one row a token",
                         x.cols, heads, head_dim);
  }
  if (rotary_dim > head_dim || rotary_dim % 2 != 0) {
    return Status::error(Code::invalid_argument, "rope: rotary_dim is %u, expected an even number up to %u", rotary_dim,
                         head_dim);
  }
  if (table != Shape{Rows::tokens, 0, rotary_dim}) {
    return Status::error(Code::invalid_argument, "rope: table has %u columns, expected %u, one row a token", table.cols,
                         rotary_dim);
  }
  args.out[0] = x;
  return {};
}

void run(const CpuCall& call, const CpuStep& step, uint32_t, Slice slice, uint32_t) noexcept {
  const auto heads = static_cast<uint32_t>(call.attrs[kHeads]);
  const auto head_dim = static_cast<uint32_t>(call.attrs[kHeadDim]);
  const uint32_t half = static_cast<uint32_t>(call.attrs[kRotaryDim]) / 2;
  const auto rotate = call.attrs[kInterleaved] != 0 ? step.vector->rope_interleaved_row : step.vector->rope_neox_row;
  for (uint32_t t = slice.begin; t < slice.end; ++t) {
    const float* cosines = call.in[1].row(t);
    const float* x = call.in[0].row(t);
    float* y = call.out[0].row(t);
    if (x != y) std::memcpy(y, x, call.in[0].cols * sizeof(float));
    for (uint32_t h = 0; h < heads; ++h) rotate(y + h * head_dim, cosines, cosines + half, half);
  }
}

constexpr CpuOp kCpu = {.split = split_rows, .run = run};

}  // namespace

const OpDef op_rope = {
    .name = "rope",
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
