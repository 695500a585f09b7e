// Stores k and v of the step's tokens in a state slot, then attends over the slot:
//   y[t][h] = sum over j of softmax_j(scale * q[t][h] . k[j][h / group]) * v[j][h / group]
//
// for the tokens j up to t's own and inside the slot's window.
// in: q (tokens, heads * head_dim), k and v (tokens, kv_heads * head_dim).  out: like q.
#include <algorithm>

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
  const AttentionKernel* kernel;
  const KvKernel* keys;
  const KvKernel* values;
  const StateSlot* slot;
  const KvSlotLayout* place;
  uint32_t page_shift;
  uint32_t heads;
  uint32_t workers;
};

// A tile's units are kv heads: too few for the workers to end together, when a step has one tile.
bool may_split(const State& state) noexcept { return state.workers > 1 && state.slot->kv_heads < 4 * state.workers; }

Status prepare(CpuPrepare& prepare) noexcept {
  auto& state = prepare.call.state.as<State>();
  const auto index = static_cast<size_t>(prepare.call.attrs[kSlot]);
  const StateSlot& slot = prepare.slots[index];
  const Isa isa = prepare.options.isa;
  const KvTypes& types = prepare.kv.types;
  state.kernel = &choose_attention(isa);
  state.keys = choose_kv(types.keys, isa);
  state.values = choose_kv(types.values, isa);
  if (state.keys == nullptr || state.values == nullptr) {
    return Status::error(Code::unsupported, "attention: no kernels for KV types %u and %u",
                         static_cast<unsigned>(types.keys), static_cast<unsigned>(types.values));
  }
  state.slot = &slot;
  state.place = &prepare.kv.slots[index];
  state.page_shift = prepare.kv.groups.page_shift;
  state.heads = static_cast<uint32_t>(prepare.call.attrs[kHeads]);
  state.workers = prepare.options.workers;
  prepare.worker_bytes = attention_scratch_floats(state.heads, slot.kv_heads, slot.head_dim) * sizeof(float);
  if (may_split(state)) {
    const uint32_t tokens = std::min(attention_split_tokens(state.heads, slot.kv_heads), prepare.call.in[0].rows);
    prepare.shared_bytes = attention_partial_floats(tokens, state.heads, slot.kv_heads, slot.head_dim) * sizeof(float);
  }
  return {};
}

enum : uint32_t { kStore, kAttend, kMerge };
constexpr const char* kPhaseNames[] = {"store", "attend", "merge"};

// Whether this step's parts are handed out rather than whole units. Either gives the same bits.
bool is_split(const State& state, const CpuStep& step) noexcept {
  return may_split(state) && step.tokens <= attention_split_tokens(state.heads, state.slot->kv_heads) &&
         attention_parts(step.first_position + step.tokens) > 1;
}

// A few microseconds' worth of multiply-adds is not worth a wake-up.
Split split_work(uint32_t units, uint64_t work) noexcept {
  constexpr uint64_t kSmall = 65536;
  return {units, work <= kSmall ? units : 1};
}

Split split(const CpuCall& call, const CpuStep& step, uint32_t phase) noexcept {
  const auto& state = call.state.as<State>();
  const StateSlot& slot = *state.slot;
  if (phase == kStore) return {step.tokens, 16};
  const bool parted = is_split(state, step);
  const uint32_t length = step.first_position + step.tokens, parts = attention_parts(length);
  if (phase == kMerge) {
    if (!parted) return {0, 1};
    return split_work(slot.kv_heads, uint64_t{parts} * step.tokens * call.out[0].cols);
  }
  const uint32_t units = parted ? parts * slot.kv_heads : attention_units(step.tokens, state.heads, slot.kv_heads);
  return split_work(units, uint64_t{length} * step.tokens * call.out[0].cols * 2);  // of q.k and of p.v
}

void store(const CpuCall& call, const State& state, const CpuStep& step, const KvView& kv, Slice slice) noexcept {
  const StateSlot& slot = *state.slot;
  for (uint32_t t = slice.begin; t < slice.end; ++t) {
    const uint32_t position = step.first_position + t;
    store_keys(*state.keys, kv, position, call.in[1].row(t), slot.kv_heads, slot.head_dim);
    store_values(*state.values, kv, position, call.in[2].row(t), slot.kv_heads, slot.head_dim);
  }
}

void run(const CpuCall& call, const CpuStep& step, uint32_t phase, Slice slice, uint32_t worker) noexcept {
  const auto& state = call.state.as<State>();
  const KvView kv = {step.pages[state.place->group], state.page_shift, state.place->keys, state.place->values};
  if (phase == kStore) return store(call, state, step, kv, slice);
  AttentionArgs args;
  args.q = call.in[0].data;
  args.q_stride = call.in[0].stride;
  args.out = call.out[0].data;
  args.out_stride = call.out[0].stride;
  args.kv = kv;
  args.keys = state.keys;
  args.values = state.values;
  args.first_position = step.first_position;
  args.tokens = step.tokens;
  args.heads = state.heads;
  args.kv_heads = state.slot->kv_heads;
  args.head_dim = state.slot->head_dim;
  args.scale = static_cast<float>(call.attrs[kScale]);
  args.window = state.slot->window;
  args.scratch = reinterpret_cast<float*>(step.scratch(worker));
  args.partials = reinterpret_cast<float*>(step.shared);
  const AttentionKernel& kernel = *state.kernel;
  if (phase == kMerge) return kernel.merge(args, slice.begin, slice.end);
  (is_split(state, step) ? kernel.run_parts : kernel.run)(args, slice.begin, slice.end);
}

constexpr CpuOp kCpu = {
    .prepare = prepare, .phases = 3, .phase_names = kPhaseNames, .work_phase = kAttend, .split = split, .run = run};

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
