#include "graph/file/chunk_check.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernels/base/checked.h"
#include "runnel/array.h"

namespace runnel {
namespace {

constexpr uint64_t kPieceBytes = 65536;  // between looks at the stop flag

}  // namespace

ChunkCheck::~ChunkCheck() { stop(); }

void ChunkCheck::stop() noexcept {
  stop_.store(true, std::memory_order_relaxed);
  bool join = false;
  {
    const std::lock_guard lock(mutex_);
    join = thread_state_ == Thread::running;
    thread_state_ = Thread::stopped;
    wake_.notify_all();
  }
  if (join) ::pthread_join(thread_, nullptr);
}

Status ChunkCheck::init(const uint8_t* data, uint64_t data_bytes, uint32_t chunk_bytes, const Digest* hashes) noexcept {
  data_ = data;
  data_bytes_ = data_bytes;
  chunk_bytes_ = chunk_bytes;
  chunks_ = ceil_div<uint64_t>(data_bytes, chunk_bytes);
  hashes_ = hashes;
  if (!good_.init(chunks_) || !wanted_.init(chunks_)) return out_of_memory("model file", "the list of hashed chunks");
  return {};
}

ByteRange ChunkCheck::chunk_range(uint64_t chunk) const noexcept {
  const uint64_t begin = chunk * chunk_bytes_;
  return {begin, data_bytes_ - begin < chunk_bytes_ ? data_bytes_ - begin : chunk_bytes_};
}

ByteRange ChunkCheck::bad_range() const noexcept { return chunk_range(bad_chunk_.load(std::memory_order_acquire)); }

Status ChunkCheck::found() const noexcept {
  const uint64_t chunk = bad_chunk_.load(std::memory_order_acquire);
  if (chunk != UINT64_MAX) {
    const ByteRange range = chunk_range(chunk);
    return Status::error(Code::corrupt_file, "chunk %llu (data bytes %llu to %llu) does not match its SHA-256",
                         static_cast<unsigned long long>(chunk), static_cast<unsigned long long>(range.offset),
                         static_cast<unsigned long long>(range.offset + range.bytes));
  }
  if (out_of_memory_.load(std::memory_order_relaxed)) return out_of_memory("model file", "a hash");
  return {};
}

bool ChunkCheck::complete() const noexcept { return good_count_.load(std::memory_order_acquire) == chunks_; }

Status ChunkCheck::check_chunk(uint64_t chunk) noexcept {
  const ByteRange range = chunk_range(chunk);
  uint8_t buffer[kPieceBytes];
  Sha256 hash;
  for (uint64_t at = 0; at < range.bytes; at += kPieceBytes) {
    const auto bytes = static_cast<size_t>(range.bytes - at < kPieceBytes ? range.bytes - at : kPieceBytes);
    const uint8_t* piece = data_ + range.offset + at;
    if (read_ != nullptr) {
      RUNNEL_TRY(read_(read_context_, range.offset + at, {buffer, bytes}));
      piece = buffer;
    }
    hash.update({piece, bytes});
    if (stop_.load(std::memory_order_relaxed)) return Status::error(Code::cancelled, "model file: closing");
  }
  return compare(chunk, &hash);
}

void ChunkCheck::check_copy(uint64_t chunk, const uint8_t* bytes, const std::atomic<bool>& stop) noexcept {
  const ByteRange range = chunk_range(chunk);
  Sha256 hash;
  for (uint64_t at = 0; at < range.bytes; at += kPieceBytes) {
    hash.update({bytes + at, static_cast<size_t>(range.bytes - at < kPieceBytes ? range.bytes - at : kPieceBytes)});
    if (stop.load(std::memory_order_relaxed)) return;
  }
  (void)compare(chunk, &hash);  // found() tells
}

Status ChunkCheck::compare(uint64_t chunk, Sha256* hash) noexcept {
  Digest digest;
  if (!hash->finish(&digest)) {
    out_of_memory_.store(true, std::memory_order_relaxed);
    return out_of_memory("model file", "a hash");
  }
  if (digest == hashes_[chunk]) {
    if (!good_.set(chunk)) good_count_.fetch_add(1, std::memory_order_acq_rel);
    return {};
  }
  uint64_t none = UINT64_MAX;  // the first mismatch stays
  bad_chunk_.compare_exchange_strong(none, chunk, std::memory_order_acq_rel);
  return found();
}

Status ChunkCheck::check(uint64_t offset, uint64_t bytes) noexcept {
  if (bytes == 0) return {};
  const uint64_t last = (offset + bytes - 1) / chunk_bytes_;
  for (uint64_t chunk = offset / chunk_bytes_; chunk <= last; ++chunk) {
    if (!good_.test(chunk)) RUNNEL_TRY(check_chunk(chunk));
  }
  return {};
}

Status ChunkCheck::check_all(void (*progress)(void* context, uint64_t done, uint64_t total), void* context) noexcept {
  for (uint64_t chunk = 0; chunk < chunks_; ++chunk) {
    RUNNEL_TRY(check_chunk(chunk));
    const uint64_t done = (chunk + 1) * chunk_bytes_;
    if (progress != nullptr) progress(context, done < data_bytes_ ? done : data_bytes_, data_bytes_);
  }
  return {};
}

Status ChunkCheck::want(uint64_t offset, uint64_t bytes) noexcept {
  if (bytes == 0) return found();
  const uint64_t last = (offset + bytes - 1) / chunk_bytes_;
  bool missing = false;
  for (uint64_t chunk = offset / chunk_bytes_; chunk <= last; ++chunk) {
    if (good_.test(chunk)) continue;
    wanted_.set(chunk);
    missing = true;
  }
  if (!missing) return found();
  bool alone = false;
  {
    const std::lock_guard lock(mutex_);
    if (thread_state_ == Thread::none) {
      thread_state_ =
          ::pthread_create(&thread_, nullptr, &ChunkCheck::run, this) == 0 ? Thread::running : Thread::refused;
    }
    alone = thread_state_ == Thread::refused;
    if (thread_state_ == Thread::running) ++asked_;
  }
  if (alone) return check(offset, bytes);
  wake_.notify_one();
  return found();
}

Status ChunkCheck::settle() noexcept {
  std::unique_lock lock(mutex_);
  while (thread_state_ == Thread::running && answered_ != asked_) idle_.wait(lock);
  RUNNEL_TRY(found());
  for (uint64_t chunk = 0; chunk < chunks_; ++chunk) {
    if (wanted_.test(chunk) && !good_.test(chunk))
      return Status::error(Code::io, "model file: chunk %llu could not be read to be hashed",
                           static_cast<unsigned long long>(chunk));
  }
  return {};
}

void* ChunkCheck::run(void* self) noexcept {
  static_cast<ChunkCheck*>(self)->work();
  return nullptr;
}

// Hashes what is wanted now; false when asked to stop or after a mismatch, which says all there is to say. What cannot
// be read now stays wanted.
bool ChunkCheck::work_once() noexcept {
  for (uint64_t chunk = 0; chunk < chunks_; ++chunk) {
    if (!wanted_.test(chunk) || good_.test(chunk)) continue;
    if (!check_chunk(chunk).ok() && (!found().ok() || stop_.load(std::memory_order_relaxed))) return false;
  }
  return true;
}

void ChunkCheck::work() noexcept {
#ifdef __linux__
  // Linux gives every thread its own nice value; elsewhere the thread keeps the process's.
  (void)::setpriority(PRIO_PROCESS, static_cast<id_t>(::syscall(SYS_gettid)), 19);
#endif
  std::unique_lock lock(mutex_);
  bool willing = true;
  while (!stop_.load(std::memory_order_relaxed)) {
    if (answered_ == asked_) {
      wake_.wait(lock);
      continue;
    }
    const uint64_t serving = asked_;
    lock.unlock();
    willing = willing && work_once();
    lock.lock();
    answered_ = serving;
    idle_.notify_all();
  }
}

}  // namespace runnel
