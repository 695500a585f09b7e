#include "runtime/weights/stream_schedule.h"

#include <algorithm>

#include "graph/cpu/cpu_op.h"
#include "graph/op.h"
#include "kernels/base/checked.h"
#include "runtime/weights/data_reader.h"

namespace runnel {
namespace {

enum class Use : uint8_t { constant, panels, rows };

Use use_of(const Graph& graph, const Node& node, uint32_t input) noexcept {
  const TensorDesc& tensor = graph.tensors[graph.values[node.inputs[input]].tensor];
  if (tensor.rows < 2 || node.op->cpu == nullptr) return Use::constant;
  if (input == kPanelInput && node.op->cpu->panel_phase != kNoPhase) return Use::panels;
  if (input == 0 && node.op->cpu->looks_up_rows) return Use::rows;
  return Use::constant;
}

uint64_t panel_bytes_of(const TensorDesc& tensor) noexcept {
  PackedShape shape;
  return packed_shape(dtype_info(tensor.dtype), tensor.rows, tensor.cols, &shape) ? shape.panel_bytes : 0;
}

// Calls visit(node index, input, tensor index, use) for every weight that a node reads, in the order of execution.
template <class Visit>
void for_each_weight(const Graph& graph, Visit visit) noexcept {
  for (size_t n = 0; n < graph.nodes.size(); ++n) {
    const Node& node = graph.nodes[n];
    for (uint32_t i = 0; i < node.input_count; ++i) {
      const uint32_t tensor = graph.values[node.inputs[i]].tensor;
      if (tensor != UINT32_MAX) visit(n, tensor, use_of(graph, node, i));
    }
  }
}

}  // namespace

Result<StreamSchedule> StreamSchedule::make(const Graph& graph, uint64_t data_bytes, uint32_t chunk_bytes,
                                            uint64_t least_block_bytes) noexcept {
  StreamSchedule schedule;
  schedule.data_bytes_ = data_bytes;
  if (!schedule.nodes_.resize(graph.nodes.size()) || !schedule.visitors_.reserve(graph.nodes.size()) ||
      !schedule.constants_.resize(graph.tensors.size())) {
    return out_of_memory("weights", "the schedule");
  }
  for (uint64_t& at : schedule.constants_) at = kNotConstant;
  uint64_t widest = 1;
  for_each_weight(graph, [&](size_t, uint32_t index, Use use) noexcept {
    const TensorDesc& tensor = graph.tensors[index];
    if (use == Use::constant && schedule.constants_[index] == kNotConstant) {
      schedule.constants_[index] = schedule.constant_bytes_;
      schedule.constant_bytes_ += round_up<uint64_t>(tensor.bytes, 64);  // tensors do not overlap, so the sum fits
    }
    if (use == Use::panels) widest = std::max(widest, panel_bytes_of(tensor));
    if (use == Use::rows) schedule.table_panel_bytes_ = std::max(schedule.table_panel_bytes_, panel_bytes_of(tensor));
  });
  const uint64_t unit = least_block_bytes < chunk_bytes ? kDirectAlignment : chunk_bytes;
  schedule.block_bytes_ = round_up(std::max(widest, least_block_bytes), unit);
  schedule.lead_bytes_ = round_up<uint64_t>(widest, kDirectAlignment);
  schedule.block_count_ = static_cast<uint32_t>(ceil_div(data_bytes, schedule.block_bytes_));
  uint32_t last_block = UINT32_MAX;
  for_each_weight(graph, [&](size_t n, uint32_t index, Use use) noexcept {
    if (use != Use::panels || schedule.constants_[index] != kNotConstant) return;
    const TensorDesc& tensor = graph.tensors[index];
    NodeVisits& visits = schedule.nodes_[n];
    visits.tensor = index;
    visits.panel_bytes = panel_bytes_of(tensor);
    visits.panels = static_cast<uint32_t>(tensor.bytes / visits.panel_bytes);
    visits.begin = tensor.offset;
    visits.first_block = static_cast<uint32_t>(tensor.offset / schedule.block_bytes_);
    const auto end_block = static_cast<uint32_t>((tensor.offset + tensor.bytes - 1) / schedule.block_bytes_);
    visits.first_visit = schedule.visit_count_ - (visits.first_block == last_block ? 1 : 0);
    visits.last_visit = visits.first_visit + (end_block - visits.first_block);
    schedule.visit_count_ = visits.last_visit + 1;
    last_block = end_block;
    (void)schedule.visitors_.push(static_cast<uint32_t>(n));  // within the capacity
    const Node& node = graph.nodes[n];
    if (graph.values[node.outputs[0]].shape.kind != Rows::outputs) {
      schedule.visits_without_outputs_ = schedule.visit_count_;
    }
  });
  if (!schedule.visited_.resize(schedule.block_count_)) return out_of_memory("weights", "the schedule");
  for (const uint32_t n : schedule.visitors_) {
    const NodeVisits& visits = schedule.nodes_[n];
    for (uint64_t i = 0; i <= visits.last_visit - visits.first_visit; ++i) {
      uint8_t& mark = schedule.visited_[visits.first_block + i];
      schedule.streamed_count_ += mark == 0 ? 1 : 0;
      mark = 1;
    }
  }
  return schedule;
}

uint64_t StreamSchedule::slot_bytes() const noexcept { return lead_bytes_ + DataReader::area_bytes(block_bytes_); }

uint64_t StreamSchedule::table_bytes() const noexcept {
  return nodes_.size() * sizeof(NodeVisits) + visitors_.size() * sizeof(uint32_t) +
         constants_.size() * sizeof(uint64_t) + block_count_ * (sizeof(uint32_t) + 1);
}

uint32_t StreamSchedule::block_of(uint64_t visit) const noexcept {
  size_t low = 0, high = visitors_.size() - 1;
  while (low < high) {
    const size_t middle = low + (high - low + 1) / 2;
    if (nodes_[visitors_[middle]].first_visit <= visit) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  const NodeVisits& visits = nodes_[visitors_[low]];
  return visits.first_block + static_cast<uint32_t>(visit - visits.first_visit);
}

bool StreamSchedule::pin(uint32_t count, Array<uint32_t>* pinned) const noexcept {
  pinned->clear();
  if (!pinned->resize(block_count_)) return false;
  constexpr uint32_t kUnseen = UINT32_MAX - 1;
  for (uint32_t& slot : *pinned) slot = kUnseen;
  uint64_t order = 0;
  uint32_t slots = 0;
  for (const uint32_t n : visitors_) {
    const NodeVisits& visits = nodes_[n];
    for (uint64_t i = 0; i <= visits.last_visit - visits.first_visit; ++i) {
      uint32_t& slot = (*pinned)[visits.first_block + i];
      if (slot != kUnseen) continue;
      const bool chosen = (order + 1) * count / streamed_count_ > order * count / streamed_count_;
      slot = chosen ? slots++ : kNotPinned;
      ++order;
    }
  }
  for (uint32_t& slot : *pinned) slot = slot == kUnseen ? kNotPinned : slot;
  return true;
}

}  // namespace runnel
