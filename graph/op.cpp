// The table of ops and the checks that shape rules share.
#include "graph/op.h"

namespace runnel {
namespace {

constexpr const OpDef* kOps[] = {
#define OP(name) &op_##name,
#include "graph/ops.inc"
#undef OP
};

const char* kind_name(Rows kind) noexcept {
  switch (kind) {
    case Rows::fixed: return "fixed";
    case Rows::tokens: return "tokens";
    case Rows::outputs: return "outputs";
  }
  return "unknown";
}

}  // namespace

std::span<const OpDef* const> ops() noexcept { return kOps; }

const OpDef* find_op(std::string_view name) noexcept {
  for (const OpDef* op : kOps) {
    if (name == op->name) return op;
  }
  return nullptr;
}

Status require_activation(const InferArgs& args, uint32_t input, const char* what) noexcept {
  if (!args.in[input].is_weight) return {};
  return Status::error(Code::invalid_argument, "%s: %s is a weight, expected an activation", args.op->name, what);
}

Status require_matrix(const InferArgs& args, uint32_t input, const char* what) noexcept {
  if (args.in[input].is_weight) return {};
  return Status::error(Code::invalid_argument, "%s: %s is an activation, expected a weight", args.op->name, what);
}

Status require_vector(const InferArgs& args, uint32_t input, const char* what, uint32_t cols) noexcept {
  RUNNEL_TRY(require_matrix(args, input, what));
  const InferInput& in = args.in[input];
  if (in.shape.rows != 1 || in.shape.cols != cols) {
    return Status::error(Code::invalid_argument, "%s: %s is (%u, %u), expected (1, %u)", args.op->name, what,
                         in.shape.rows, in.shape.cols, cols);
  }
  if (in.dtype != DType::f32) {
    return Status::error(Code::invalid_argument, "%s: %s is stored as %s, expected f32", args.op->name, what,
                         dtype_info(in.dtype).name);
  }
  return {};
}

Status require_same_shape(const InferArgs& args, uint32_t a, uint32_t b) noexcept {
  const Shape& left = args.in[a].shape;
  const Shape& right = args.in[b].shape;
  if (left == right) return {};
  return Status::error(Code::invalid_argument, "%s: inputs differ: (%s, %u) and (%s, %u)", args.op->name,
                       kind_name(left.kind), left.cols, kind_name(right.kind), right.cols);
}

}  // namespace runnel
