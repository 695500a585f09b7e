#include "graph/plan.h"

#include "graph/op.h"
#include "kernels/base/checked.h"

namespace runnel {
namespace {

constexpr uint32_t kRowFloats = 16;  // rows begin at multiples of 64 bytes

// Floats between rows of `cols`. Strides of whole 4 KiB pages would put a column of rows into one cache set.
uint64_t row_stride(uint32_t cols) noexcept {
  const uint64_t stride = round_up<uint64_t>(cols, kRowFloats);
  return stride % 1024 == 0 ? stride + kRowFloats : stride;
}

}  // namespace

ArenaPlan::ArenaPlan(Tables* tables, const Graph& graph) noexcept
    : placements_(tables->take<Placement>(graph.values.size())),
      members_(tables->take<Member>(graph.values.size())),
      buffers_(tables->take<Buffer>(graph.values.size())),
      active_(tables->take<uint32_t>(graph.values.size())) {}

Status ArenaPlan::make(const Graph& graph, const ArenaLimits& limits) noexcept {
  find_last_uses(graph);
  form_buffers(graph);
  RUNNEL_TRY(size_buffers(graph, limits));
  RUNNEL_TRY(place_buffers());
  for (size_t i = 0; i < graph.values.size(); ++i) {
    const Member& member = members_[i];
    if (member.buffer == kNone) continue;
    const Buffer& buffer = buffers_[member.buffer];
    const uint32_t cols = graph.values[buffer.root].shape.cols;
    placements_[i].home = buffer.is_logits ? Placement::Home::logits : Placement::Home::arena;
    placements_[i].offset = buffer.offset + uint64_t{member.column} * sizeof(float);
    placements_[i].stride = buffer.is_logits ? cols : row_stride(cols);
  }
  return {};
}

ArenaPlan::Lifetime ArenaPlan::lifetime(ValueId value) const noexcept {
  const Buffer& buffer = buffers_[members_[value].buffer];
  return {buffer.first, buffer.last};
}

void ArenaPlan::find_last_uses(const Graph& graph) noexcept {
  for (uint32_t n = 0; n < graph.nodes.size(); ++n) {
    const Node& node = graph.nodes[n];
    for (uint32_t i = 0; i < node.input_count; ++i) members_[node.inputs[i]].last_use = n;
    for (uint32_t i = 0; i < node.output_count; ++i) members_[node.outputs[i]].last_use = n;
  }
  members_[graph.logits].last_use = static_cast<uint32_t>(graph.nodes.size());
}

void ArenaPlan::join(ValueId value, uint32_t buffer_index, uint32_t column) noexcept {
  Member& member = members_[value];
  Buffer& buffer = buffers_[buffer_index];
  member.buffer = buffer_index;
  member.column = column;
  member.next = buffer.head;
  buffer.head = value;
  if (member.last_use > buffer.last) buffer.last = member.last_use;
}

// True when output 0 of the node may lie where its input lies.
bool ArenaPlan::can_overwrite(const Graph& graph, uint32_t n, uint32_t input) const noexcept {
  const Node& node = graph.nodes[n];
  const ValueId x = node.inputs[input];
  const Shape& shape = graph.values[x].shape;
  const Member& member = members_[x];
  if (member.buffer == kNone || member.last_use != n || shape != graph.values[node.outputs[0]].shape) return false;
  // The op may read x itself through another input that it allows to be overwritten too, but not otherwise.
  for (uint32_t i = 0; i < node.input_count; ++i) {
    if (node.inputs[i] == x && (node.op->in_place >> i & 1) == 0) return false;
  }
  // Nobody else may read these columns now or later.
  for (ValueId v = buffers_[member.buffer].head; v != kNone; v = members_[v].next) {
    const bool meets = members_[v].column < member.column + shape.cols &&
                       member.column < members_[v].column + graph.values[v].shape.cols;
    if (v != x && meets && members_[v].last_use >= n) return false;
  }
  return true;
}

void ArenaPlan::form_buffers(const Graph& graph) noexcept {
  for (uint32_t n = 0; n < graph.nodes.size(); ++n) {
    const Node& node = graph.nodes[n];
    if (node.op->is_view) {
      const Member& source = members_[node.inputs[0]];
      uint32_t column = source.column;
      for (uint32_t i = 0; i < node.output_count; ++i) {
        join(node.outputs[i], source.buffer, column);
        column += graph.values[node.outputs[i]].shape.cols;
      }
      continue;
    }
    uint32_t begin = 0;
    for (uint32_t i = 0; i < node.input_count; ++i) {
      if ((node.op->in_place >> i & 1) == 0 || !can_overwrite(graph, n, i)) continue;
      const Member& source = members_[node.inputs[i]];
      join(node.outputs[0], source.buffer, source.column);
      begin = 1;
      break;
    }
    for (uint32_t i = begin; i < node.output_count; ++i) {
      Buffer& buffer = buffers_[buffer_count_];
      buffer.first = buffer.last = n;
      buffer.root = node.outputs[i];
      join(node.outputs[i], buffer_count_++, 0);
    }
  }
  // The logits are computed where the caller wants them, unless they are only part of something wider.
  Buffer& last = buffers_[members_[graph.logits].buffer];
  last.is_logits = graph.values[last.root].shape == graph.values[graph.logits].shape;
}

Status ArenaPlan::size_buffers(const Graph& graph, const ArenaLimits& limits) noexcept {
  for (Buffer& buffer : buffers_.first(buffer_count_)) {
    const Shape& shape = graph.values[buffer.root].shape;
    const uint64_t rows = shape.kind == Rows::tokens ? limits.max_tokens : limits.max_outputs;
    // At most 2^32 * 2^26.
    buffer.bytes = buffer.is_logits ? 0 : rows * row_stride(shape.cols) * sizeof(float);
  }
  return {};
}

// First fit in the order of definition: chains of layers reuse the same few places, like a stack would.
Status ArenaPlan::place_buffers() noexcept {
  uint32_t active_count = 0;
  for (uint32_t b = 0; b < buffer_count_; ++b) {
    Buffer& buffer = buffers_[b];
    if (buffer.is_logits) continue;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < active_count; ++i) {
      if (buffers_[active_[i]].last >= buffer.first) active_[kept++] = active_[i];
    }
    active_count = kept;
    uint64_t offset = 0;
    uint32_t position = 0;
    for (; position < active_count; ++position) {
      const Buffer& other = buffers_[active_[position]];
      if (other.offset - offset >= buffer.bytes) break;
      offset = other.offset + other.bytes;
    }
    for (uint32_t i = active_count++; i > position; --i) active_[i] = active_[i - 1];
    active_[position] = b;
    buffer.offset = offset;
    uint64_t end = 0;
    if (!checked_add(offset, buffer.bytes, &end) || end > SIZE_MAX / 2) {
      return Status::error(Code::invalid_argument, "plan: the activations need more than %llu bytes",
                           static_cast<unsigned long long>(offset));
    }
    if (end > arena_bytes_) arena_bytes_ = end;
  }
  return {};
}

}  // namespace runnel
