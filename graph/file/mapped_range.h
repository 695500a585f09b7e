// One reserved range of addresses with files mapped side by side into it, so that bytes that cross from one shard to
// the next are one run for whoever reads them.
//
// Ownership: the range owns its addresses and mappings; files may be closed after map(). Thread rule: one thread at a
// time, but bytes() and will_need() any thread.
#pragma once

#include <cstddef>
#include <cstdint>

#include "runnel/status.h"

namespace runnel {

class MappedRange {
 public:
  MappedRange() noexcept = default;
  MappedRange(MappedRange&& other) noexcept;
  MappedRange& operator=(MappedRange&& other) noexcept;
  ~MappedRange();

  // Reserves addresses for `bytes` bytes that begin at `file_offset` of the first file, and lie in large pages as the
  // file's bytes do. Nothing is readable yet.
  static Result<MappedRange> reserve(uint64_t bytes, uint64_t file_offset) noexcept;
  // Maps file bytes [file_offset, file_offset + bytes) read-only to the range's bytes [at, at + bytes). `at` and
  // file_offset must be multiples of the page size, but for the first file (at = 0).
  Status map(uint64_t at, int fd, uint64_t file_offset, uint64_t bytes) noexcept;

  const uint8_t* bytes() const noexcept { return base_ + lead_bytes_; }
  // Asks the system to read these bytes soon, if they are not in memory.
  void will_need(uint64_t at, uint64_t bytes) const noexcept;
  // Takes the pages out of this process; how many bytes of the file were in memory. They come back when they are read.
  uint64_t drop() const noexcept;

 private:
  uint8_t* base_ = nullptr;
  size_t mapped_bytes_ = 0;
  size_t lead_bytes_ = 0;  // from the page's beginning to the first file's offset
};

}  // namespace runnel
