// Weights that pass through memory: a pinned part, a ring for the rest, rows of tables as they are looked up.
//
// Ownership: borrows the file, whose files stay open; owns its memory and threads. Thread rule: view() is used by one
// step at a time.
#pragma once

#include "graph/cpu/executor.h"
#include "graph/tables.h"
#include "runtime/weights/block_ring.h"

namespace runnel {

// How much of the streamed blocks has a place of its own, and how many places the others share.
struct StreamSplit {
  uint32_t pinned = 0;
  uint32_t ring = 0;  // 0 only when all are pinned
};

class StreamedWeights {
 public:
  // Reads the constants and the pinned blocks, and starts reading ahead. Statuses: io, corrupt_file, out_of_memory.
  static Result<StreamedWeights> load(ModelFile& file, StreamSplit split,
                                      uint64_t least_block_bytes = StreamSchedule::kBlockBytes) noexcept;
  StreamedWeights(StreamedWeights&& other) noexcept : impl_(std::exchange(other.impl_, nullptr)) {}
  StreamedWeights& operator=(StreamedWeights&& other) noexcept {
    std::swap(impl_, other.impl_);
    return *this;
  }
  ~StreamedWeights();

  // Borrowed from this object and the file.
  WeightView view() noexcept;
  // Waits until all that steps have used was hashed, when verification is lazy. Status: corrupt_file.
  Status settle() const noexcept;
  bool direct() const noexcept;  // else read through the page cache

  // What load() takes for the ring and for all else.
  static uint64_t ring_bytes(const StreamSchedule& schedule, uint32_t ring) noexcept;
  static uint64_t pinned_bytes(const StreamSchedule& schedule, uint32_t pinned) noexcept;

 private:
  struct Impl;
  explicit StreamedWeights(Impl* impl) noexcept : impl_(impl) {}
  Impl* impl_ = nullptr;
};

}  // namespace runnel
