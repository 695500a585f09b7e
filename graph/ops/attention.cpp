// Stores k and v of the step's tokens in a state slot, then attends over the slot:
//   y[t][h] = sum over j of softmax_j(scale * q[t][h] . k[j][h / group]) * v[j][h / group]
//
// for the tokens j up to t's own and inside the slot's window.
// in: q (tokens, heads * head_dim), k and v (tokens, kv_heads * head_dim).  out: like q.
#include "graph/cpu/cpu_op.h"
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

struct State {
  AttentionFn run;
  KvPart part;
  KvType type;
  uint32_t page_shift;
  uint32_t kv_heads, head_dim, window;
};

Status prepare(CpuPrepare& prepare) noexcept {
  auto& state = prepare.call.state.as<State>();
  const auto slot = static_cast<size_t>(prepare.call.attrs[kSlot]);
  const auto heads = static_cast<uint32_t>(prepare.call.attrs[kHeads]);
  const AttentionKernel* kernel = choose_attention(prepare.kv.type, prepare.options.isa);
  if (kernel == nullptr) {
    return Status::error(Code::unsupported, "attention: no kernel for KV type %u",
                         static_cast<unsigned>(prepare.kv.type));
  }
  const StateSlot& shape = prepare.slots[slot];
  state = {kernel->run,    prepare.kv.parts[slot], prepare.kv.type, prepare.kv.page_shift,
           shape.kv_heads, shape.head_dim,         shape.window};
  prepare.worker_bytes = attention_scratch_floats(heads, shape.kv_heads, shape.head_dim) * sizeof(float);
  return {};
}

KvView view(const State& state, const CpuStep& step) noexcept {
  return {step.pages, state.page_shift, state.type, state.part.k_offset, state.part.v_offset, state.part.head_stride};
}

enum : uint32_t { kStore, kAttend };
constexpr const char* kPhaseNames[] = {"store", "attend"};

Split split(const CpuCall& call, const CpuStep& step, uint32_t phase) noexcept {
  const auto& state = call.state.as<State>();
  if (phase == kStore) return {step.tokens, 16};
  const uint32_t units = attention_units(step.tokens, state.kv_heads);
  // Multiply-adds of q.k and of p.v. A few microseconds' worth is not worth a wake-up.
  constexpr uint64_t kSmall = 65536;
  const uint64_t work = (uint64_t{step.first_position} + step.tokens) * step.tokens * call.out[0].cols * 2;
  return {units, work <= kSmall ? units : 1};
}

void store(const CpuCall& call, const State& state, const CpuStep& step, Slice slice) noexcept {
  const KvView kv = view(state, step);
  for (uint32_t t = slice.begin; t < slice.end; ++t) {
    const uint32_t position = step.first_position + t;
    store_keys(*step.vector, kv, position, call.in[1].row(t), state.kv_heads, state.head_dim);
    store_values(*step.vector, kv, position, call.in[2].row(t), state.kv_heads, state.head_dim);
  }
}

void run(const CpuCall& call, const CpuStep& step, uint32_t phase, Slice slice, uint32_t worker) noexcept {
  const auto& state = call.state.as<State>();
  if (phase == kStore) return store(call, state, step, slice);
  AttentionArgs args;
  args.q = call.in[0].data;
  args.q_stride = call.in[0].stride;
  args.out = call.out[0].data;
  args.out_stride = call.out[0].stride;
  args.kv = view(state, step);
  args.first_position = step.first_position;
  args.tokens = step.tokens;
  args.heads = static_cast<uint32_t>(call.attrs[kHeads]);
  args.kv_heads = state.kv_heads;
  args.head_dim = state.head_dim;
  args.scale = static_cast<float>(call.attrs[kScale]);
  args.window = state.window;
  args.scratch = reinterpret_cast<float*>(step.scratch(worker));
  state.run(args, slice.begin, slice.end);
}

constexpr CpuOp kCpu = {.prepare = prepare, .phases = 2, .phase_names = kPhaseNames, .split = split, .run = run};

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
    .cpu = &kCpu,
};

}  // namespace runnel
