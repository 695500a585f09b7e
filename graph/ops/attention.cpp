// Stores k and v of the step's tokens in a state slot, then attends over the slot:
//   y[t][h] = sum over j of softmax_j(scale * q[t][h] . k[j][h / group]) * v[j][h / group]
//
// for the tokens j up to t's own and inside the slot's window.
// in: q (tokens, heads * head_dim), k and v (tokens, kv_heads * head_dim).  out: like q.
#include "graph/op.h"

namespace runnel {
namespace {

enum : uint32_t { kSlot, kHeads, kScale };
constexpr AttrDef kAttrs[] = {
    {"slot", AttrDef::Kind::integer, 0, kMaxSlots - 1, 0},
    {"heads", AttrDef::Kind::integer, 1, 4096, 1},
    {"scale", AttrDef::Kind::real, -1e6, 1e6, 1},
};

Status infer(const InferArgs& args) noexcept {
  const StateSlot& slot = args.slots[static_cast<size_t>(args.attrs[kSlot])];
  const auto heads = static_cast<uint32_t>(args.attrs[kHeads]);
  if (heads % slot.kv_heads != 0) {
    return Status::error(Code::invalid_argument, "attention: %u heads over %u kv heads", heads, slot.kv_heads);
  }
  const Shape wanted_q = {Rows::tokens, 0, heads * slot.head_dim};
  const Shape wanted_kv = {Rows::tokens, 0, slot.kv_heads * slot.head_dim};
  const char* const names[] = {"q", "k", "v"};
  for (uint32_t i = 0; i < 3; ++i) {
    RUNNEL_TRY(require_activation(args, i, names[i]));
    const Shape& wanted = i == 0 ? wanted_q : wanted_kv;
    if (args.in[i].shape != wanted) {
      return Status::error(Code::invalid_argument, "attention: %s has %u columns, expected %u, one row a token",
                           names[i], args.in[i].shape.cols, wanted.cols);
    }
  }
  args.out[0] = wanted_q;
  return {};
}

}  // namespace

const OpDef op_attention = {
    .name = "attention",
    .since = 1,
    .min_inputs = 3,
    .max_inputs = 3,
    .min_outputs = 1,
    .max_outputs = 1,
    .attrs = kAttrs,
    .infer = infer,
    .slot_attr = kSlot,
};

}  // namespace runnel
