// A snapshot file that is there: read at places, and written at places while it is held alone. Errors are whole but for
// the path, which the caller puts in front.
//
// Where the file system has locks, readers share the file and a writer has it alone; each waits for the other.
// Ownership: owns the descriptor, and the lock with it. Thread rule: one thread at a time.
#pragma once

#include <cstdint>
#include <span>
#include <utility>

#include "runnel/status.h"

namespace runnel {

class SnapshotFile {
 public:
  enum class Use : uint8_t { read, update };

  SnapshotFile() noexcept = default;
  SnapshotFile(SnapshotFile&& other) noexcept { *this = std::move(other); }
  SnapshotFile& operator=(SnapshotFile&& other) noexcept;
  ~SnapshotFile();

  // io when it cannot be opened or is no regular file. A file that is not there is no error for `update`: then
  // exists() is false.
  static Result<SnapshotFile> open(const char* path, Use use) noexcept;
  bool exists() const noexcept { return fd_ >= 0; }

  // Fills all of `out`. corrupt_file when the file ends before.
  Status read_at(uint64_t offset, std::span<uint8_t> out) const noexcept;
  Status write_at(uint64_t offset, std::span<const uint8_t> bytes) noexcept;
  Status resize(uint64_t bytes) noexcept;
  // Brings what was written to the disk.
  Status sync() noexcept;

  uint64_t bytes() const noexcept { return bytes_; }  // when it was opened
 private:
  int fd_ = -1;
  uint64_t bytes_ = 0;
};

}  // namespace runnel
