// A ring of blocks that reader threads fill ahead of use, round and round the visits of a schedule.
//
// The readers follow the order of the visits, leave out pinned blocks, and go on with the next step's first blocks when
// a step's last ones are on their way. Whatever the consumer asks for that is not what they read (a step that was cut
// short, a step with logits after steps without) makes them go back; nothing of it reaches the consumer but waiting.
//
// Ownership: owns its threads and slots' records; borrows the schedule, the reader and the memory. Thread rule: one
// consumer at a time.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>

#include "runtime/os/thread.h"
#include "runtime/weights/data_reader.h"
#include "runtime/weights/stream_schedule.h"

namespace runnel {

class BlockRing {
 public:
  static constexpr uint32_t kReaders = 4;  // requests in flight: docs/memory.md has the rates
  static constexpr uint32_t kLeastSlots = 2;

  BlockRing() noexcept = default;
  BlockRing(const BlockRing&) = delete;
  BlockRing& operator=(const BlockRing&) = delete;
  ~BlockRing();

  // memory: slots * schedule.slot_bytes(), page-aligned; pinned: by block. Requires: at least one visited block is not
  // pinned, slots >= kLeastSlots. Statuses: out_of_memory.
  Status start(const StreamSchedule& schedule, const DataReader& reader, std::span<const uint32_t> pinned,
               uint8_t* memory, uint32_t slots) noexcept;
  static uint32_t reader_count(uint32_t slots) noexcept { return slots < kReaders ? slots : kReaders; }
  static uint64_t private_bytes(uint32_t slots) noexcept {
    return uint64_t{slots} * sizeof(Slot) + reader_count(slots) * kThreadStackBytes;
  }

  // A step begins that needs the visits before `end_visit`.
  void begin(uint64_t end_visit) noexcept;
  // Visits before `visit` are not needed any more.
  void advance(uint64_t visit) noexcept;
  // The block of a visit (not a pinned one), its first byte; the bytes before it, down to the slot's lead, may be
  // written. It stays until advance() or begin(). Statuses: what reading met, cancelled.
  Result<uint8_t*> wait(uint64_t visit, const std::atomic<bool>* cancel) noexcept;
  // The same if it is there already, else null.
  uint8_t* look(uint64_t visit) noexcept;

  // For one thread that looks at blocks behind their use: lends a block that some slot holds whole and that `wanted`
  // says yes to, used or not. Waits for one; false once end_loans() was called. The borrower gives it back soon after
  // recalled() turns true: its place is needed.
  struct Loan {
    uint32_t slot = 0, block = 0;
    const uint8_t* bytes = nullptr;
  };
  using Wanted = bool (*)(const void* context, uint32_t block) noexcept;
  bool borrow(Wanted wanted, const void* context, Loan* loan) noexcept;
  void give_back(const Loan& loan) noexcept;
  const std::atomic<bool>& recalled() const noexcept { return recalled_; }
  void end_loans() noexcept;

 private:
  enum class State : uint8_t { idle, reading, ready, failed };
  struct Slot {
    uint64_t ticket = 0;  // of the last request; a request that is not the last one leaves nothing behind
    uint64_t visit = 0, cycle = 0;
    uint32_t block = 0;
    State state = State::idle;
    bool whole = false;  // holds all of `block`, whatever the state
    bool lent = false;
    Status status;
  };
  static void enter(void* self) noexcept;
  void read_on() noexcept;
  bool may_request() noexcept;
  uint64_t next_streamed(uint64_t visit) const noexcept;  // from `visit` on; visit_count when there is none
  void step_cursor() noexcept;
  void take_back(uint64_t position) noexcept;
  Slot& slot(uint64_t position) noexcept { return slots_[position % slots_.size()]; }
  Slot* find(uint64_t visit, uint64_t* position) noexcept;
  uint8_t* bytes_of(const Slot& slot) const noexcept;

  const StreamSchedule* schedule_ = nullptr;
  const DataReader* reader_ = nullptr;
  std::span<const uint32_t> pinned_;
  uint8_t* memory_ = nullptr;
  uint64_t first_visit_ = 0;  // that is streamed

  std::mutex mutex_;  // of all below
  std::condition_variable space_, arrived_, lendable_;
  Array<Slot> slots_;
  uint64_t consumed_ = 0, requested_ = 0;  // positions: slot() of one is where it lies; [consumed, requested) is held
  uint64_t tickets_ = 0;
  uint64_t cycle_ = 0;  // the consumer's
  uint64_t next_visit_ = 0, next_cycle_ = 0, end_visit_ = 0;
  bool stop_ = false, no_loans_ = false;
  std::atomic<bool> recalled_{false};

  Thread threads_[kReaders];
};

}  // namespace runnel
