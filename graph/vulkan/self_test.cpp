#include "graph/vulkan/self_test.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>

#include "graph/vulkan/hash.h"
#include "kernels/half.h"

namespace runnel::vulkan {
namespace {

// Sums of floats in another order, and functions to a few units in the last place, stay far below this share of the
// output's size; anything wrong is far above it.
constexpr double kBound = 1e-3;

uint32_t mix(uint32_t x) noexcept {
  x = (x ^ x >> 16) * 0x7feb352d;
  x = (x ^ x >> 15) * 0x846ca68b;
  return x ^ x >> 16;
}

float random_value(uint32_t seed, uint32_t index) noexcept {
  return static_cast<float>(static_cast<int32_t>(mix(seed * 0x9e3779b9 + index))) * 0x1p-30f;  // -2 to 2
}

bool has_quantised(const KvTypes& types) noexcept { return is_quantised(types.keys) || is_quantised(types.values); }

// Random numbers of one side of all heads in a page, as its type has them.
void fill_place(const KvPlace& place, KvType type, uint32_t heads, uint32_t head_dim, uint32_t seed,
                uint8_t* page) noexcept {
  uint8_t* data = page + place.offset;
  const uint64_t bytes = place.head_stride * heads, block_bytes = kv_block_bytes(type, head_dim);
  if (type == KvType::f32) {
    for (uint32_t i = 0; i < bytes / 4; ++i) reinterpret_cast<float*>(data)[i] = random_value(seed, i);
    return;
  }
  auto* halves = reinterpret_cast<uint16_t*>(data);
  if (type == KvType::f16) {
    for (uint32_t i = 0; i < bytes / 2; ++i) halves[i] = f32_to_f16(random_value(seed, i));
    return;
  }
  for (uint64_t block = 0; block < bytes; block += block_bytes) {
    const auto first = static_cast<uint32_t>(block);
    const size_t scale_bytes = kv_scale_bytes(head_dim);
    for (uint32_t i = 0; i < scale_bytes; i += 2)
      halves[(block + i) / 2] = f32_to_f16(random_value(seed, first + i) * 0.01f);
    for (uint32_t i = static_cast<uint32_t>(scale_bytes); i < block_bytes; ++i)
      data[block + i] = static_cast<uint8_t>(mix(seed ^ (first + i)));
  }
}

}  // namespace

SelfTest::~SelfTest() {
  for (uint8_t* pages : pages_) executor_.device_.give_pages(pages);
}

Status SelfTest::prepare() noexcept {
  const Graph& graph = executor_.program_.graph();
  ExecutorOptions options = executor_.options_.cpu;
  options.float_backend = FloatBackend::own;
  options.workers = 1;
  for (const Reference which : {kFloats, kBytes, kQuantisedPages}) {
    if (which == kBytes && executor_.quants_.bytes() == 0) continue;
    if (which == kQuantisedPages && !has_quantised(options.kv)) continue;
    options.activations = which == kBytes ? Activations::q8 : Activations::f32;
    // Its rows have the bits that shaders store: scalar code may round a product before it is added, and so choose
    // another level once in a while.
    options.isa = which == kQuantisedPages ? cpu_isa() : Isa::scalar;
    RUNNEL_ASSIGN(CpuProgram reference, CpuProgram::create(graph, options));
    scratches_[which] = Block(reference.plan().scratch_bytes);
    if (scratches_[which].data() == nullptr) return out_of_memory("vulkan", "the self-test");
    references_[which].emplace(std::move(reference));
    RUNNEL_TRY(references_[which]->bind(weights_, executor_.arena_.data(), scratches_[which].data()));
  }
  const KvGroups& kv = executor_.plan_.cpu.kv;
  uint64_t bytes = 0;
  for (uint32_t g = 0; g < kv.count; ++g) bytes += kv.groups[g].page_bytes * kTestPages;
  for (uint32_t side = 0; side < 2 && bytes != 0; ++side) {
    RUNNEL_ASSIGN(pages_[side], executor_.device_.take_pages(bytes));
    uint8_t* first = pages_[side];
    for (uint32_t g = 0; g < kv.count; ++g) {
      const uint64_t page_bytes = kv.groups[g].page_bytes;
      Array<uint8_t*>& table = tables_[side][g];
      if (!table.resize(std::max(kTestKeys >> kv.page_shift, kTestPages)))
        return out_of_memory("vulkan", "the self-test");
      for (size_t p = 0; p < table.size(); ++p) table[p] = first + p % kTestPages * page_bytes;
      groups_[side][g] = table.data();
      first += page_bytes * kTestPages;
    }
  }
  return {};
}

SelfTest::Reference SelfTest::reference_of(size_t n) const noexcept {
  if (executor_.nodes_[n].dots) return kBytes;
  const bool stores = executor_.program_.call(n).op->slot_attr >= 0;
  return stores && has_quantised(executor_.options_.cpu.kv) ? kQuantisedPages : kFloats;
}

uint64_t SelfTest::kind_of(size_t n) const noexcept {
  const CpuCall& call = executor_.program_.call(n);
  const DeviceNode& node = executor_.nodes_[n];
  Hash hash;
  hash.add(node.dots).add(executor_.options_.import.slice_bytes != 0);  // other memory, other caches
  for (const char* c = call.op->name; *c != '\0'; ++c) hash.add(*c);
  const auto operand = [&](const CpuOperand& each, VkDeviceAddress address) noexcept {
    hash.add(each.cols).add(each.stride).add(each.kind).add(address % 16);
    if (each.desc != nullptr) hash.add(each.desc->dtype).add(each.desc->rows).add(each.desc->nr);
  };
  for (uint32_t i = 0; i < call.input_count; ++i) operand(call.in[i], node.in[i]);
  operand(call.out[0], node.out[0]);
  for (int32_t a = 0; a < static_cast<int32_t>(call.op->attrs.size()); ++a) {
    if (a != call.op->slot_attr) hash.add(call.attrs[a]);
  }
  if (call.op->slot_attr >= 0) {
    const StateSlot& slot = executor_.program_.graph().slots[static_cast<size_t>(call.attrs[call.op->slot_attr])];
    const KvTypes& types = executor_.options_.cpu.kv;
    hash.add(slot.kv_heads).add(slot.head_dim).add(slot.window).add(types.keys).add(types.values);
    hash.add(executor_.plan_.cpu.kv.page_shift);
  }
  return hash.value();
}

Status SelfTest::run(bool* all_passed) noexcept {
  verdicts_.load(executor_.device_.device());
  *all_passed = true;
  for (size_t n = 0; n < executor_.sides_.size();) {
    if (executor_.sides_[n] != Side::device) {
      ++n;
      continue;
    }
    const uint64_t kind = kind_of(n);
    const Verdict* verdict = verdicts_.find(kind);
    if (verdict == nullptr) {
      if (!references_[0]) RUNNEL_TRY(prepare());
      Verdict fresh;
      fresh.kind = kind;
      RUNNEL_TRY(test(n, &fresh));
      RUNNEL_TRY(verdicts_.add(fresh));
      verdict = verdicts_.find(kind);
    }
    if (verdict->why[0] != '\0' && executor_.nodes_[n].dots) {
      executor_.nodes_[n].dots = false;  // the same node again, with products of floats
      char why[Executor::kReasonBytes];
      std::snprintf(why, sizeof why, "products of floats, since those of 8 bits failed: %s", verdict->why);
      executor_.keep_reason(n, why);
      continue;
    }
    if (verdict->why[0] != '\0') {
      *all_passed = false;
      executor_.sides_[n] = Side::cpu;
      executor_.keep_reason(n, verdict->why);
    }
    ++n;
  }
  verdicts_.save(executor_.device_.device());
  return {};
}

Status SelfTest::test(size_t n, Verdict* verdict) noexcept {
  // The last two are for attention: whole rows of several parts, and parts by themselves.
  constexpr Case kCases[] = {{1, 0, false},  {2, 15, true},    {5, 37, false},
                             {19, 44, true}, {19, 530, false}, {2, 4400, true}};
  const bool attends = executor_.program_.call(n).op->slot_attr >= 0;
  const DeviceExecutorOptions& options = executor_.options_;
  for (Case one : kCases) {
    if (one.first_position > kRangeKeys && !attends) continue;
    one.tokens = std::min(one.tokens, options.cpu.max_tokens);
    if (options.context_tokens < one.tokens) continue;
    one.first_position = std::min(one.first_position, options.context_tokens - one.tokens);
    Status status = test_case(n, one, verdict);
    if (status.code() == Code::unsupported) {
      std::snprintf(verdict->why, sizeof verdict->why, "%s", status.message());
      status = {};
    }
    RUNNEL_TRY(std::move(status));
    if (verdict->why[0] != '\0') return {};
  }
  return {};
}

Status SelfTest::test_case(size_t n, const Case& one, Verdict* verdict) noexcept {
  const Graph& graph = executor_.program_.graph();
  const uint32_t outputs = std::min(one.tokens, executor_.options_.cpu.max_outputs);
  if (!ids_.resize(one.tokens) || !rows_.resize(outputs)) return out_of_memory("vulkan", "the self-test");
  uint32_t vocabulary = UINT32_MAX;
  for (const Node& node : graph.nodes) {
    if (node.op == &op_embed) vocabulary = std::min(vocabulary, graph.values[node.inputs[0]].shape.rows);
  }
  for (uint32_t i = 0; i < one.tokens; ++i) ids_[i] = static_cast<int32_t>(mix(i + 77) % vocabulary);
  for (uint32_t i = 0; i < outputs; ++i) rows_[i] = one.tokens - outputs + i;
  StepInput input;
  input.ids = ids_;
  input.first_position = one.first_position;
  input.output_rows = rows_;
  input.logits = reinterpret_cast<float*>(executor_.logits_.data());
  const uint32_t seed = one.tokens + 31 * static_cast<uint32_t>(n);

  SerialFor serial;
  Array<float> wanted, got;
  input.pages = groups_[0];
  CpuProgram& reference = *references_[reference_of(n)];
  reference.begin_step(input);
  executor_.program_.begin_step(input);
  fill_pages(n, seed, &pages_[0]);
  fill_operands(n, seed);
  RUNNEL_TRY(reference.run_node(n, serial));
  RUNNEL_TRY(take_output(n, &wanted));

  input.pages = groups_[1];
  RUNNEL_TRY(executor_.step_.fill(input, executor_.device_));
  fill_pages(n, seed, &pages_[1]);
  fill_operands(n, seed);
  RUNNEL_TRY(run_on_device(n, one));
  RUNNEL_TRY(take_output(n, &got));

  double squares = 0;
  for (const float value : wanted) squares += double{value} * value;
  const double size = std::sqrt(squares / static_cast<double>(std::max<size_t>(wanted.size(), 1)));
  double furthest = 0;
  for (size_t i = 0; i < wanted.size(); ++i) {
    const double off = std::fabs(double{got[i]} - wanted[i]);
    if (!(off <= furthest)) furthest = std::isnan(off) ? HUGE_VAL : off;
  }
  if (furthest > kBound * size) {
    std::snprintf(verdict->why, sizeof verdict->why, "wrong results: off by %.2g where values are %.2g, %u tokens",
                  furthest, size, one.tokens);
  } else if (executor_.program_.call(n).op->slot_attr >= 0) {
    const KvGroups& kv = executor_.plan_.cpu.kv;
    for (uint32_t g = 0; g < kv.count; ++g) {
      if (std::memcmp(groups_[0][g][0], groups_[1][g][0], kv.groups[g].page_bytes * kTestPages) != 0)
        std::snprintf(verdict->why, sizeof verdict->why, "wrong keys or values are stored, %u tokens", one.tokens);
    }
  }
  return {};
}

// The output first: where it lies over an input, the input counts.
void SelfTest::fill_operands(size_t n, uint32_t seed) noexcept {
  const CpuCall& call = executor_.program_.call(n);
  for (uint32_t r = 0; r < call.out[0].rows; ++r) {
    for (uint32_t c = 0; c < call.out[0].cols; ++c) call.out[0].row(r)[c] = 1e30f;
  }
  for (uint32_t i = 0; i < call.input_count; ++i) {
    const CpuOperand& x = call.in[i];
    if (x.desc != nullptr) continue;
    for (uint32_t r = 0; r < x.rows; ++r) {
      for (uint32_t c = 0; c < x.cols; ++c) x.row(r)[c] = random_value(seed + i, r * 65536 + c);
    }
  }
}

void SelfTest::fill_pages(size_t n, uint32_t seed, uint8_t* const* pages) noexcept {
  const CpuCall& call = executor_.program_.call(n);
  if (call.op->slot_attr < 0) return;
  const auto index = static_cast<size_t>(call.attrs[call.op->slot_attr]);
  const KvSlotLayout& place = executor_.program_.kv().slots[index];
  const KvTypes& types = executor_.options_.cpu.kv;
  const StateSlot& slot = executor_.program_.graph().slots[index];
  const auto& table = tables_[pages == &pages_[0] ? 0 : 1][place.group];
  for (uint32_t p = 0; p < kTestPages; ++p) {
    fill_place(place.keys, types.keys, slot.kv_heads, slot.head_dim, seed * 64 + p * 2, table[p]);
    fill_place(place.values, types.values, slot.kv_heads, slot.head_dim, seed * 64 + p * 2 + 1, table[p]);
  }
}

Status SelfTest::run_on_device(size_t n, const Case& one) noexcept {
  Device& device = executor_.device_.device();
  const CpuCall& call = executor_.program_.call(n);
  const std::span<const StateSlot> slots = executor_.program_.graph().slots;
  const Work work = node_work(call, slots);
  Recording recording;
  recording.keys = std::bit_ceil(one.first_position + one.tokens);  // of which some parts are not there yet
  if (one.cut) recording.cut_work = work.at(recording.keys) / 3;
  PartWriter parts(device, recording);
  Recorder recorder(device, executor_.pipelines_, executor_.step_.addresses(), executor_.program_.kv(), slots, parts);
  const auto run = [&]() noexcept -> Status {
    RUNNEL_TRY(parts.device_node(static_cast<uint32_t>(n), work));
    RUNNEL_TRY(find_vulkan_op(call.op)->record(executor_.nodes_[n], recorder));
    RUNNEL_TRY(parts.finish());
    if (recording.commands.empty()) return {};
    RUNNEL_ASSIGN(const uint64_t submission, device.submit(recording.commands));
    return device.wait(submission);
  };
  Status status = run();
  for (const VkCommandBuffer commands : recording.commands) device.free_commands(commands);
  return status;
}

Status SelfTest::take_output(size_t n, Array<float>* out) const noexcept {
  const CpuOperand& y = executor_.program_.call(n).out[0];
  if (!out->resize(size_t{y.rows} * y.cols)) return out_of_memory("vulkan", "the self-test");
  for (uint32_t r = 0; r < y.rows; ++r) std::memcpy(out->data() + size_t{r} * y.cols, y.row(r), y.cols * sizeof(float));
  return {};
}

}  // namespace runnel::vulkan
