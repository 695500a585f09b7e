// y[t] = amplitude * (cos(p f_0), ..., cos(p f_{n-1}), sin(p f_0), ..., sin(p f_{n-1})), p the position of token t
//
// in: inv_freq f (1, n).  out: (tokens, 2 n). Computed once a step for all layers that share the frequencies.
#include "graph/op.h"

namespace runnel {
namespace {

enum : uint32_t { kAmplitude };
constexpr AttrDef kAttrs[] = {{"amplitude", AttrDef::Kind::real, -1e6, 1e6, 1}};

Status infer(const InferArgs& args) noexcept {
  const Shape& f = args.in[0].shape;
  RUNNEL_TRY(require_vector(args, 0, "inv_freq", f.cols));
  if (f.cols > 256) {
    return Status::error(Code::invalid_argument, "rope_table: %u frequencies, at most 256 are allowed", f.cols);
  }
  args.out[0] = {Rows::tokens, 0, f.cols * 2};
  return {};
}

}  // namespace

const OpDef op_rope_table = {
    .name = "rope_table",
    .since = 1,
    .min_inputs = 1,
    .max_inputs = 1,
    .min_outputs = 1,
    .max_outputs = 1,
    .attrs = kAttrs,
    .infer = infer,
};

}  // namespace runnel
