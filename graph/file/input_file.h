// A file, or a slice of one, opened for reading: regular files only, with errors that say which. Offsets count from the
// slice's beginning.
//
// Ownership: owns its descriptor, a duplicate of the host's for a slice. Thread rule: one thread at a time.
#pragma once

#include <cstdint>
#include <span>
#include <utility>

#include "runnel/source.h"
#include "runnel/status.h"

namespace runnel {

class InputFile {
 public:
  InputFile() noexcept = default;
  InputFile(InputFile&& other) noexcept { *this = std::move(other); }
  InputFile& operator=(InputFile&& other) noexcept;
  ~InputFile();

  // io when it cannot be opened or is not a regular file (a directory, a pipe, a device).
  static Result<InputFile> open(const char* path) noexcept;
  // The same, and invalid_argument when the slice does not lie in the file.
  static Result<InputFile> open(const FileSlice& slice) noexcept;

  // Fills all of `out` from the file's byte `offset` on. corrupt_file when the file ends before.
  Status read_at(uint64_t offset, std::span<uint8_t> out) const noexcept;

  int fd() const noexcept { return fd_; }
  uint64_t base() const noexcept { return base_; }  // where the slice begins in the descriptor's file
  uint64_t bytes() const noexcept { return bytes_; }
  uint64_t inode() const noexcept { return inode_; }
  int64_t changed_ns() const noexcept { return changed_ns_; }  // time of the last write

 private:
  Status look() noexcept;

  int fd_ = -1;
  uint64_t base_ = 0, bytes_ = 0, inode_ = 0;
  int64_t changed_ns_ = 0;
};

}  // namespace runnel
