// y0 | y1 | ... = x, by columns. The outputs are views: nothing is copied.
//
// in: x (rows, cols).  out: (rows, cols_0), (rows, cols_1), ... which add up to x.
#include "graph/op.h"

namespace runnel {
namespace {

constexpr AttrDef kAttrs[kMaxOutputs] = {
    {"cols0", AttrDef::Kind::integer, 1, kMaxCols, 1},
    {"cols1", AttrDef::Kind::integer, 1, kMaxCols, 1},
    {"cols2", AttrDef::Kind::integer, 0, kMaxCols, 0},
    {"cols3", AttrDef::Kind::integer, 0, kMaxCols, 0},
};

Status infer(const InferArgs& args) noexcept {
  RUNNEL_TRY(require_activation(args, 0, "x"));
  const Shape& x = args.in[0].shape;
  uint64_t sum = 0;
  for (uint32_t i = 0; i < kMaxOutputs; ++i) {
    const auto cols = static_cast<uint32_t>(args.attrs[i]);
    sum += cols;
    if ((cols != 0) != (i < args.out.size())) {
      return Status::error(Code::invalid_argument, "split: %s is %u with %zu outputs", kAttrs[i].name, cols,
                           args.out.size());
    }
    if (i < args.out.size()) args.out[i] = {x.kind, x.rows, cols};
  }
  if (sum != x.cols) {
    return Status::error(Code::invalid_argument, "split: the parts have %llu columns, x has %u",
                         static_cast<unsigned long long>(sum), x.cols);
  }
  return {};
}

}  // namespace

const OpDef op_split = {
    .name = "split",
    .since = 1,
    .min_inputs = 1,
    .max_inputs = 1,
    .min_outputs = 2,
    .max_outputs = kMaxOutputs,
    .attrs = kAttrs,
    .infer = infer,
    .is_view = true,
};

}  // namespace runnel
