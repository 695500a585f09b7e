#include "runtime/weights/streamed_weights.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "kernels/base/checked.h"
#include "kernels/base/memory.h"
#include "runtime/os/locked_pages.h"
#include "runtime/weights/pages.h"

namespace runnel {
namespace {

constexpr uint32_t kMaxRuns = 64;     // blocks computed with at once
constexpr uint32_t kMaxRowBatch = 8;  // rows looked up at once

}  // namespace

struct StreamedWeights::Impl {
  Impl(ModelFile& model_file, StreamSchedule order, DataReader files) noexcept
      : file(model_file), schedule(std::move(order)), reader(std::move(files)) {}

  ModelFile& file;
  StreamSchedule schedule;
  DataReader reader;
  Array<uint32_t> pinned;      // by block
  Array<uint8_t> lead_filled;  // by pinned slot: what a panel has in the block before lies in front of it
  Block constants, rows;
  Pages blocks;  // pinned ones, then the ring's
  WeightStream stream;
  WeightRun runs[kMaxRuns];
  uint32_t ring_slots = 0;
  std::atomic<bool> used{false};  // by any step
  std::atomic<bool> closing{false};
  BlockRing ring;  // its threads end before what they read into goes
  Thread checker;  // ends before the ring

  ~Impl() {
    closing.store(true, std::memory_order_relaxed);
    ring.end_loans();
    checker.join();
    file.stop_checks();
  }

  uint8_t* pinned_bytes(uint32_t block) const noexcept {
    const uint32_t slot = pinned[block];
    return blocks.data() + slot * schedule.slot_bytes() + schedule.lead_bytes() +
           reader.shift(block * schedule.block_bytes());
  }

  Status load_constants() noexcept {
    constants = Block(static_cast<size_t>(schedule.constant_bytes()));
    rows = Block(static_cast<size_t>(schedule.widest_table_panel() * kMaxRowBatch));
    if (constants.data() == nullptr || rows.data() == nullptr) return out_of_memory("weights", "the constants");
    const std::span<const TensorDesc> tensors = file.graph().tensors;
    for (uint32_t i = 0; i < tensors.size(); ++i) {
      const uint64_t at = schedule.constant_at(i);
      if (at == StreamSchedule::kNotConstant) continue;
      const TensorDesc& tensor = tensors[i];
      RUNNEL_TRY(reader.read(tensor.offset, {constants.data() + at, static_cast<size_t>(tensor.bytes)}));
      // The chunks of a block that is visited are hashed with it.
      const auto first = static_cast<uint32_t>(tensor.offset / schedule.block_bytes());
      const auto last = static_cast<uint32_t>((tensor.offset + tensor.bytes - 1) / schedule.block_bytes());
      if (!schedule.visits(first) || !schedule.visits(last)) {
        RUNNEL_TRY(file.check_later(tensor.offset, tensor.bytes));
      }
    }
    return {};
  }

  Status load_pinned() noexcept {
    for (uint32_t block = 0; block < schedule.block_count(); ++block) {
      if (pinned[block] == StreamSchedule::kNotPinned) continue;
      const uint64_t offset = block * schedule.block_bytes();
      uint8_t* area = pinned_bytes(block) - reader.shift(offset);
      RUNNEL_TRY(reader.read_block(offset, schedule.block_length(block), area));
    }
    return {};
  }

  Status start(StreamSplit split) noexcept {
    if (split.pinned >= schedule.streamed_count()) split = {schedule.streamed_count(), 0};
    if (!schedule.pin(split.pinned, &pinned) || !lead_filled.resize(split.pinned) ||
        !blocks.take((uint64_t{split.pinned} + split.ring) * schedule.slot_bytes())) {
      return out_of_memory("weights", "the pinned part and the ring");
    }
    prefer_huge_pages(blocks.data(), blocks.bytes());
    file.read_by(
        [](const void* context, uint64_t offset, std::span<uint8_t> out) noexcept {
          return static_cast<const Impl*>(context)->reader.read(offset, out);
        },
        this);
    RUNNEL_TRY(load_constants());
    RUNNEL_TRY(load_pinned());
    ring_slots = split.ring;
    RUNNEL_TRY(start_ring(split));
    // Without the thread nothing is hashed by the way, and settle() does it all.
    if (file.lazy() && schedule.block_bytes() % file.chunk_bytes() == 0)
      (void)checker.start(enter_checker, this, "runnel-check");
    return {};
  }

  Status start_ring(StreamSplit split) noexcept {
    if (ring_slots == 0) return {};
    return ring.start(schedule, reader, pinned, blocks.data() + split.pinned * schedule.slot_bytes(), ring_slots);
  }

  bool streams() const noexcept { return ring_slots != 0; }

  // Hashing of what lies in memory anyway, behind its use.
  static void enter_checker(void* self) noexcept { static_cast<Impl*>(self)->check_on(); }
  static bool wanted(const void* self, uint32_t block) noexcept {
    const Impl& impl = *static_cast<const Impl*>(self);
    const ChunkRange chunks = impl.chunks_of(block);
    return !impl.file.known(chunks.first, chunks.count);
  }
  struct ChunkRange {
    uint64_t first, count;
  };
  ChunkRange chunks_of(uint32_t block) const noexcept {
    const uint64_t each = file.chunk_bytes();
    return {block * (schedule.block_bytes() / each), ceil_div(schedule.block_length(block), each)};
  }
  // At the readers' priority, not below: a borrower that is never scheduled would keep a slot, and the ring's lock,
  // from those who wait for them.
  void check_on() noexcept {
    for (uint32_t block = 0; block < schedule.block_count() && !closing.load(std::memory_order_relaxed); ++block) {
      if (pinned[block] == StreamSchedule::kNotPinned) continue;
      const ChunkRange chunks = chunks_of(block);
      file.check_copy(chunks.first, chunks.count, pinned_bytes(block), closing);
    }
    uint32_t left = streams() ? schedule.streamed_count() - static_cast<uint32_t>(lead_filled.size()) : 0;
    BlockRing::Loan loan;
    while (left != 0 && file.verification().ok() && ring.borrow(wanted, this, &loan)) {
      const ChunkRange chunks = chunks_of(loan.block);
      file.check_copy(chunks.first, chunks.count, loan.bytes, ring.recalled());
      left -= file.known(chunks.first, chunks.count) ? 1 : 0;
      ring.give_back(loan);
    }
  }

  // A block's bytes; null when it need not be waited for and is not there.
  Result<uint8_t*> block_bytes(uint32_t block, uint64_t visit, bool wait, const std::atomic<bool>* cancel) noexcept {
    if (pinned[block] != StreamSchedule::kNotPinned) return pinned_bytes(block);
    if (!wait) return ring.look(visit);
    return ring.wait(visit, cancel);
  }

  // Puts the part of a panel that the block before holds in front of this one's bytes.
  void join(uint32_t block, uint8_t* bytes, const uint8_t* before, uint64_t head) noexcept {
    const uint32_t slot = pinned[block];
    if (slot != StreamSchedule::kNotPinned) {
      if (lead_filled[slot] != 0) return;
      lead_filled[slot] = 1;
    }
    std::memcpy(bytes - head, before + schedule.block_bytes() - head, static_cast<size_t>(head));
  }

  Status take(uint32_t node, uint32_t panel, const std::atomic<bool>* cancel,
              std::span<const WeightRun>* out) noexcept {
    const NodeVisits& visits = schedule.nodes()[node];
    const uint64_t block_bytes_each = schedule.block_bytes();
    const uint64_t end = visits.begin + visits.panels * visits.panel_bytes;
    uint32_t block = static_cast<uint32_t>((visits.begin + panel * visits.panel_bytes) / block_bytes_each);
    uint64_t visit = visits.first_visit + (block - visits.first_block);
    if (streams()) ring.advance(visit);
    uint32_t count = 0, from_ring = 0;
    const uint8_t* before = nullptr;
    for (; visit <= visits.last_visit && count < kMaxRuns; ++visit, ++block) {
      // Half of the ring, so that the other half fills meanwhile.
      const bool is_pinned = pinned[block] != StreamSchedule::kNotPinned;
      if (count != 0 && !is_pinned && from_ring >= ring_slots / 2) break;
      RUNNEL_ASSIGN(uint8_t * bytes, block_bytes(block, visit, count == 0, cancel));
      if (bytes == nullptr) break;
      from_ring += is_pinned ? 0 : 1;
      const uint64_t block_begin = block * block_bytes_each;
      const uint64_t block_end = std::min(block_begin + block_bytes_each, end);
      const auto last = static_cast<uint32_t>((block_end - visits.begin) / visits.panel_bytes);
      if (last > panel) {
        const uint64_t begin = visits.begin + panel * visits.panel_bytes;
        const bool begins_before = begin < block_begin;
        if (begins_before) join(block, bytes, before, block_begin - begin);
        const uint8_t* run = begins_before ? bytes - (block_begin - begin) : bytes + (begin - block_begin);
        runs[count++] = {run, panel, last - panel};
        panel = last;
      }
      before = bytes;
    }
    *out = {runs, count};
    return {};
  }

  Status look_up(uint32_t tensor, std::span<const int32_t> ids, const uint8_t** panels) noexcept {
    const TensorDesc& desc = file.graph().tensors[tensor];
    const uint64_t panel_bytes = desc.bytes / ((desc.rows + desc.nr - 1) / desc.nr);
    for (size_t i = 0; i < ids.size(); ++i) {
      const uint64_t offset = desc.offset + static_cast<uint32_t>(ids[i]) / desc.nr * panel_bytes;
      RUNNEL_TRY(reader.read(offset, {rows.data() + i * panel_bytes, static_cast<size_t>(panel_bytes)}));
      RUNNEL_TRY(file.check_later(offset, panel_bytes));
    }
    *panels = rows.data();
    return {};
  }
};

Result<StreamedWeights> StreamedWeights::load(ModelFile& file, StreamSplit split, uint64_t least_block_bytes) noexcept {
  RUNNEL_ASSIGN(StreamSchedule schedule,
                StreamSchedule::make(file.graph(), file.data_bytes(), file.chunk_bytes(), least_block_bytes));
  RUNNEL_ASSIGN(DataReader reader, DataReader::open(file));
  void* memory = allocate(sizeof(Impl), alignof(Impl));
  if (memory == nullptr) return out_of_memory("weights", "the stream");
  StreamedWeights weights(new (memory) Impl(file, std::move(schedule), std::move(reader)));
  RUNNEL_TRY(weights.impl_->start(split));
  return weights;
}

StreamedWeights::~StreamedWeights() {
  if (impl_ == nullptr) return;
  impl_->~Impl();
  release(impl_);
}

WeightView StreamedWeights::view() noexcept {
  WeightStream& stream = impl_->stream;
  stream.context = impl_;
  stream.row_batch = kMaxRowBatch;
  stream.begin = [](void* context, bool outputs) noexcept {
    Impl& impl = *static_cast<Impl*>(context);
    const StreamSchedule& schedule = impl.schedule;
    impl.used.store(true, std::memory_order_relaxed);
    if (impl.streams()) impl.ring.begin(outputs ? schedule.visit_count() : schedule.visits_without_outputs());
  };
  stream.take = [](void* context, uint32_t node, uint32_t panel, const std::atomic<bool>* cancel,
                   std::span<const WeightRun>* runs) noexcept {
    return static_cast<Impl*>(context)->take(node, panel, cancel, runs);
  };
  stream.done = [](void* context, uint32_t node) noexcept {
    Impl& impl = *static_cast<Impl*>(context);
    // The next node may begin in the last block.
    if (impl.streams()) impl.ring.advance(impl.schedule.nodes()[node].last_visit);
  };
  stream.look_up = [](void* context, uint32_t tensor, std::span<const int32_t> ids, const uint8_t** panels) noexcept {
    return static_cast<Impl*>(context)->look_up(tensor, ids, panels);
  };
  WeightView view;
  view.context = impl_;
  view.data = [](const void* context, uint32_t tensor) noexcept -> const uint8_t* {
    const Impl& impl = *static_cast<const Impl*>(context);
    const uint64_t at = impl.schedule.constant_at(tensor);
    return at == StreamSchedule::kNotConstant ? nullptr : impl.constants.data() + at;
  };
  view.check = [](const void* context) noexcept { return static_cast<const Impl*>(context)->file.verification(); };
  view.stream = &stream;
  return view;
}

Status StreamedWeights::settle() const noexcept {
  const std::span<const TensorDesc> tensors = impl_->file.graph().tensors;
  for (uint32_t i = 0; impl_->used.load(std::memory_order_relaxed) && i < tensors.size(); ++i) {
    const bool constant = impl_->schedule.constant_at(i) != StreamSchedule::kNotConstant;
    if (constant) RUNNEL_TRY(impl_->file.check_later(tensors[i].offset, tensors[i].bytes));
  }
  for (const NodeVisits& node : impl_->schedule.nodes()) {
    if (node.tensor == NodeVisits::kNone || !impl_->used.load(std::memory_order_relaxed)) continue;
    RUNNEL_TRY(impl_->file.check_later(node.begin, node.panels * node.panel_bytes));
  }
  return impl_->file.settle();
}

bool StreamedWeights::direct() const noexcept { return impl_->reader.direct(); }

uint64_t StreamedWeights::ring_bytes(const StreamSchedule& schedule, uint32_t ring) noexcept {
  return ring == 0 ? 0 : ring * schedule.slot_bytes() + BlockRing::private_bytes(ring);
}

uint64_t StreamedWeights::pinned_bytes(const StreamSchedule& schedule, uint32_t pinned) noexcept {
  return sizeof(Impl) + kThreadStackBytes + schedule.table_bytes() + pinned * (schedule.slot_bytes() + 1) +
         schedule.constant_bytes() + schedule.widest_table_panel() * kMaxRowBatch;
}

}  // namespace runnel
