// A fixed number of bits that any thread may set and test.
//
// Thread rule: init() and destruction one thread at a time; the rest any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <new>

#include "kernels/base/checked.h"
#include "kernels/base/memory.h"

namespace runnel {

class AtomicBits {
 public:
  AtomicBits() noexcept = default;
  AtomicBits(const AtomicBits&) = delete;
  AtomicBits& operator=(const AtomicBits&) = delete;
  ~AtomicBits() { release(words_); }

  // False when no memory is left. All bits are clear.
  [[nodiscard]] bool init(uint64_t bits) noexcept {
    const uint64_t words = ceil_div<uint64_t>(bits, 64);
    if (words > SIZE_MAX / sizeof *words_) return false;
    words_ = static_cast<std::atomic<uint64_t>*>(allocate(static_cast<size_t>(words) * sizeof *words_));
    for (uint64_t i = 0; words_ != nullptr && i < words; ++i) new (words_ + i) std::atomic<uint64_t>(0);
    return words_ != nullptr;
  }
  bool test(uint64_t bit) const noexcept { return words_[bit / 64].load(std::memory_order_acquire) >> bit % 64 & 1; }
  // Returns what the bit was.
  bool set(uint64_t bit) noexcept {
    const uint64_t mask = uint64_t{1} << bit % 64;
    return (words_[bit / 64].fetch_or(mask, std::memory_order_acq_rel) & mask) != 0;
  }

 private:
  std::atomic<uint64_t>* words_ = nullptr;
};

}  // namespace runnel
