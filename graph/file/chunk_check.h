// SHA-256 of the data region's chunks against the header's list: at once, or behind use by one thread of low priority.
//
// Behind use: want() marks the chunks that a tensor lies in and returns; the thread hashes what is marked, at nice 19,
// so that a first token never waits for it; a mismatch is sticky and comes out of found(). If the thread cannot be
// started, want() hashes by itself: later, never less.
//
// Ownership: borrows the data and the list. Thread rule: init() and destruction one thread at a time; the rest any
// thread.
#pragma once

#include <pthread.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <span>

#include "graph/file/atomic_bits.h"
#include "graph/file/sha256.h"
#include "runnel/status.h"

namespace runnel {

// A half-open range of bytes of the data region.
struct ByteRange {
  uint64_t offset = 0;
  uint64_t bytes = 0;
};

// Fills `out` with the data's bytes from `offset` on.
using DataRead = Status (*)(const void* context, uint64_t offset, std::span<uint8_t> out) noexcept;

class ChunkCheck {
 public:
  ChunkCheck() noexcept = default;
  ~ChunkCheck();
  ChunkCheck(const ChunkCheck&) = delete;
  ChunkCheck& operator=(const ChunkCheck&) = delete;

  // `hashes` holds ceil(data_bytes / chunk_bytes) digests.
  Status init(const uint8_t* data, uint64_t data_bytes, uint32_t chunk_bytes, const Digest* hashes) noexcept;

  // The same bytes lie there now. Requires: no want() yet, nobody checks.
  void relocate(const uint8_t* data) noexcept { data_ = data; }
  // The data is read by `read`, from any thread, not looked at in memory. The same requirement.
  void read_by(DataRead read, const void* context) noexcept {
    read_ = read;
    read_context_ = context;
  }

  uint32_t chunk_bytes() const noexcept { return chunk_bytes_; }
  // The chunk was hashed and matched.
  bool known(uint64_t chunk) const noexcept { return good_.test(chunk); }
  // Hashes a chunk whose bytes the caller has. Gives up, with nothing found, once `stop` is set.
  void check_copy(uint64_t chunk, const uint8_t* bytes, const std::atomic<bool>& stop) noexcept;

  // Hashes the chunks under [offset, offset + bytes) that were not hashed yet. Requires: the range lies in the data.
  Status check(uint64_t offset, uint64_t bytes) noexcept;
  // Hashes all chunks again, hashed before or not.
  Status check_all(void (*progress)(void* context, uint64_t done, uint64_t total), void* context) noexcept;

  // Has the chunks hashed soon. Returns what was found so far.
  Status want(uint64_t offset, uint64_t bytes) noexcept;
  // The first mismatch so far. One atomic load when there is none.
  Status found() const noexcept;
  // The bytes of the first mismatch. Requires: found() said corrupt_file.
  ByteRange bad_range() const noexcept;
  // Waits until everything wanted was hashed; what was found.
  Status settle() noexcept;
  // Ends the thread; what is wanted from now on is not hashed. One thread at a time.
  void stop() noexcept;
  // Every chunk was hashed and matched.
  bool complete() const noexcept;

 private:
  static void* run(void* self) noexcept;
  void work() noexcept;
  bool work_once() noexcept;
  Status check_chunk(uint64_t chunk) noexcept;
  Status compare(uint64_t chunk, Sha256* hash) noexcept;
  ByteRange chunk_range(uint64_t chunk) const noexcept;

  const uint8_t* data_ = nullptr;
  DataRead read_ = nullptr;
  const void* read_context_ = nullptr;
  uint64_t data_bytes_ = 0;
  uint64_t chunk_bytes_ = 1;
  uint64_t chunks_ = 0;
  const Digest* hashes_ = nullptr;
  AtomicBits good_;    // a bit a chunk: hashed and matched
  AtomicBits wanted_;  // a bit a chunk: for the thread
  std::atomic<uint64_t> good_count_{0};
  std::atomic<uint64_t> bad_chunk_{UINT64_MAX};
  std::atomic<bool> out_of_memory_{false};

  enum class Thread : uint8_t { none, running, refused, stopped };
  std::mutex mutex_;
  std::condition_variable wake_, idle_;
  Thread thread_state_ = Thread::none;  // under mutex_
  pthread_t thread_{};
  uint64_t asked_ = 0, answered_ = 0;  // under mutex_: calls of want(), and how many of them the thread has served
  std::atomic<bool> stop_{false};
};

}  // namespace runnel
