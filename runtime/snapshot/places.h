// Which places of a snapshot file are taken: a bit for each unit of its data, in memory whose size is known before.
//
// Thread rule: one thread at a time.
#pragma once

#include <algorithm>
#include <cstdint>

#include "runnel/array.h"
#include "runtime/snapshot/root.h"

namespace runnel {

class SnapshotPlaces {
 public:
  static uint64_t bytes(uint64_t units) noexcept { return (units + 63) / 64 * sizeof(uint64_t); }

  // Once. unit_bytes is a multiple of kSnapshotPageAlignment. False when no memory is left.
  [[nodiscard]] bool init(uint64_t units, uint64_t unit_bytes) noexcept {
    units_ = units;
    unit_bytes_ = unit_bytes;
    return words_.reserve(static_cast<size_t>((units + 63) / 64));
  }
  void clear() noexcept {
    words_.clear();
    (void)words_.resize(static_cast<size_t>((units_ + 63) / 64));  // reserved by init()
    first_free_ = 0;
  }

  // Takes what [offset, offset + bytes) of the file touches. Requires: behind the roots, no overflow. False when that
  // is beyond the units.
  [[nodiscard]] bool take(uint64_t offset, uint64_t bytes) noexcept {
    if (bytes == 0) return true;
    const uint64_t first = (offset - kSnapshotDataBegin) / unit_bytes_;
    const uint64_t last = (offset - kSnapshotDataBegin + bytes - 1) / unit_bytes_;
    if (last >= units_) return false;
    for (uint64_t unit = first; unit <= last; ++unit) set(unit);
    return true;
  }
  // The first run of free units for so many bytes: *offset is where it begins in the file. False when there is none.
  [[nodiscard]] bool find(uint64_t bytes, uint64_t* offset) noexcept {
    const uint64_t wanted = std::max<uint64_t>((bytes + unit_bytes_ - 1) / unit_bytes_, 1);
    while (first_free_ < units_ && test(first_free_)) ++first_free_;
    for (uint64_t begin = first_free_, end = begin; end < units_; ++end) {
      if (test(end)) {
        begin = end + 1;
      } else if (end + 1 - begin == wanted) {
        for (uint64_t unit = begin; unit <= end; ++unit) set(unit);
        *offset = kSnapshotDataBegin + begin * unit_bytes_;
        return true;
      }
    }
    return false;
  }

 private:
  bool test(uint64_t unit) const noexcept { return (words_[unit / 64] >> unit % 64 & 1) != 0; }
  void set(uint64_t unit) noexcept { words_[unit / 64] |= uint64_t{1} << unit % 64; }

  Array<uint64_t> words_;
  uint64_t units_ = 0, unit_bytes_ = 0;
  uint64_t first_free_ = 0;  // units before it are taken
};

}  // namespace runnel
