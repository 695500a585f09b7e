#include "runtime/weights/block_ring.h"

#include <chrono>

namespace runnel {
namespace {

// How long a wait goes without a look at the cancel flag.
constexpr std::chrono::milliseconds kPatience(2);

}  // namespace

BlockRing::~BlockRing() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  space_.notify_all();
  for (Thread& thread : threads_) thread.join();
}

Status BlockRing::start(const StreamSchedule& schedule, const DataReader& reader, std::span<const uint32_t> pinned,
                        uint8_t* memory, uint32_t slots) noexcept {
  schedule_ = &schedule;
  reader_ = &reader;
  pinned_ = pinned;
  memory_ = memory;
  if (!slots_.resize(slots)) return out_of_memory("weights", "the ring");
  first_visit_ = next_streamed(0);
  next_visit_ = first_visit_;
  end_visit_ = schedule.visit_count();
  for (uint32_t i = 0; i < reader_count(slots); ++i) {
    // One reader is enough to go on, if more slowly.
    if (!threads_[i].start(enter, this, "runnel-read") && i == 0)
      return Status::error(Code::out_of_memory, "weights: no thread to read them");
  }
  return {};
}

void BlockRing::enter(void* self) noexcept { static_cast<BlockRing*>(self)->read_on(); }

uint64_t BlockRing::next_streamed(uint64_t visit) const noexcept {
  while (visit < schedule_->visit_count() && pinned_[schedule_->block_of(visit)] != StreamSchedule::kNotPinned) ++visit;
  return visit;
}

void BlockRing::step_cursor() noexcept {
  next_visit_ = next_streamed(next_visit_ + 1);
  if (next_visit_ < end_visit_) return;
  next_visit_ = first_visit_;
  ++next_cycle_;
}

bool BlockRing::may_request() noexcept {
  if (requested_ >= consumed_ + slots_.size()) return false;
  const Slot& place = slot(requested_);
  if (place.lent) recalled_.store(true, std::memory_order_relaxed);
  return place.state != State::reading && !place.lent;
}

uint8_t* BlockRing::bytes_of(const Slot& slot) const noexcept {
  const auto index = static_cast<uint64_t>(&slot - slots_.data());
  return memory_ + index * schedule_->slot_bytes() + schedule_->lead_bytes() +
         reader_->shift(slot.block * schedule_->block_bytes());
}

void BlockRing::read_on() noexcept {
  std::unique_lock lock(mutex_);
  while (!stop_) {
    if (!may_request()) {
      space_.wait(lock);
      continue;
    }
    Slot& place = slot(requested_++);
    place.ticket = ++tickets_;
    place.visit = next_visit_;
    place.cycle = next_cycle_;
    place.block = schedule_->block_of(next_visit_);
    place.state = State::reading;
    place.whole = false;
    place.status = Status();
    step_cursor();
    const uint64_t ticket = place.ticket;
    const uint64_t offset = place.block * schedule_->block_bytes();
    const uint64_t bytes = schedule_->block_length(place.block);
    uint8_t* area = bytes_of(place) - reader_->shift(offset);
    lock.unlock();
    Status status = reader_->read_block(offset, bytes, area);
    lock.lock();
    place.whole = status.ok();
    if (place.ticket != ticket) {
      place.state = State::idle;  // taken back meanwhile
    } else {
      place.state = status.ok() ? State::ready : State::failed;
      place.status = std::move(status);
    }
    arrived_.notify_all();
    space_.notify_all();
    lendable_.notify_one();
  }
}

bool BlockRing::borrow(Wanted wanted, const void* context, Loan* loan) noexcept {
  std::unique_lock lock(mutex_);
  while (!stop_ && !no_loans_) {
    for (uint32_t i = 0; i < slots_.size(); ++i) {
      Slot& place = slots_[i];
      if (!place.whole || !wanted(context, place.block)) continue;
      place.lent = true;
      recalled_.store(false, std::memory_order_relaxed);
      *loan = {i, place.block, bytes_of(place)};
      return true;
    }
    lendable_.wait(lock);
  }
  return false;
}

void BlockRing::give_back(const Loan& loan) noexcept {
  const std::lock_guard lock(mutex_);
  slots_[loan.slot].lent = false;
  recalled_.store(false, std::memory_order_relaxed);
  space_.notify_all();
}

void BlockRing::end_loans() noexcept {
  const std::lock_guard lock(mutex_);
  no_loans_ = true;
  recalled_.store(true, std::memory_order_relaxed);
  lendable_.notify_all();
}

// Requests from `position` on are forgotten; those under way leave their slots when they end.
void BlockRing::take_back(uint64_t position) noexcept {
  for (uint64_t p = position; p < requested_; ++p) {
    Slot& place = slot(p);
    place.ticket = 0;
    if (place.state != State::reading) place.state = State::idle;
  }
  requested_ = position;
}

void BlockRing::begin(uint64_t end_visit) noexcept {
  const std::lock_guard lock(mutex_);
  end_visit_ = end_visit;
  bool failed = false;
  for (uint64_t p = consumed_; p < requested_; ++p) failed = failed || slot(p).state == State::failed;
  while (consumed_ < requested_ && (failed || slot(consumed_).visit != first_visit_)) {
    Slot& place = slot(consumed_++);
    place.ticket = 0;
    if (place.state != State::reading) place.state = State::idle;
  }
  if (consumed_ == requested_) {
    next_visit_ = first_visit_;
    cycle_ = ++next_cycle_;
  } else {
    cycle_ = slot(consumed_).cycle;
    if (next_cycle_ == cycle_ && next_visit_ >= end_visit_) {
      next_visit_ = first_visit_;
      ++next_cycle_;
    }
  }
  space_.notify_all();
}

void BlockRing::advance(uint64_t visit) noexcept {
  const std::lock_guard lock(mutex_);
  const uint64_t before = consumed_;
  while (consumed_ < requested_) {
    Slot& place = slot(consumed_);
    if (place.cycle != cycle_ || place.visit >= visit) break;
    place.ticket = 0;
    if (place.state != State::reading) place.state = State::idle;
    ++consumed_;
  }
  if (consumed_ != before) space_.notify_all();
}

// The slot of a visit; *position is where it should be. Null when it was not requested yet.
BlockRing::Slot* BlockRing::find(uint64_t visit, uint64_t* position) noexcept {
  uint64_t& p = *position;
  for (p = consumed_; p < requested_; ++p) {
    Slot& place = slot(p);
    if (place.cycle == cycle_ && place.visit < visit) continue;
    if (place.cycle == cycle_ && place.visit == visit) return &place;
    break;
  }
  return nullptr;
}

uint8_t* BlockRing::look(uint64_t visit) noexcept {
  const std::lock_guard lock(mutex_);
  uint64_t position = 0;
  const Slot* place = find(visit, &position);
  return place != nullptr && place->state == State::ready ? bytes_of(*place) : nullptr;
}

Result<uint8_t*> BlockRing::wait(uint64_t visit, const std::atomic<bool>* cancel) noexcept {
  std::unique_lock lock(mutex_);
  while (true) {
    if (cancel != nullptr && cancel->load(std::memory_order_relaxed))
      return Status::error(Code::cancelled, "weights: cancelled while they were read");
    uint64_t position = 0;
    const Slot* place = find(visit, &position);
    if (place != nullptr && place->state == State::ready) return bytes_of(*place);
    if (place != nullptr && place->state == State::failed) return place->status;
    if (place == nullptr && (position != requested_ || next_cycle_ != cycle_ || next_visit_ > visit)) {
      // The readers went on to other blocks.
      take_back(position);
      next_visit_ = visit;
      next_cycle_ = cycle_;
      space_.notify_all();
    }
    arrived_.wait_for(lock, kPatience);
  }
}

}  // namespace runnel
