// A debug allocator: while it lives, everything the library takes is counted, and what would go beyond a limit is
// refused as if the system had no more.
#pragma once

#include <algorithm>
#include <cstdint>
#include <mutex>
#include <unordered_map>

#include "kernels/base/memory.h"

namespace runnel::test {

class AllocationLedger {
 public:
  explicit AllocationLedger(uint64_t limit = UINT64_MAX) : limit_(limit) {
    set_allocation_ledger(record, this);
    set_allocation_gate(ask, this);
  }
  ~AllocationLedger() {
    set_allocation_gate(nullptr, nullptr);
    set_allocation_ledger(nullptr, nullptr);
  }
  AllocationLedger(const AllocationLedger&) = delete;
  AllocationLedger& operator=(const AllocationLedger&) = delete;

  uint64_t live() const {
    const std::lock_guard lock(mutex_);
    return live_;
  }
  uint64_t most() const {
    const std::lock_guard lock(mutex_);
    return most_;
  }
  uint64_t refused() const {
    const std::lock_guard lock(mutex_);
    return refused_;
  }
  void set_limit(uint64_t limit) {
    const std::lock_guard lock(mutex_);
    limit_ = limit;
  }

 private:
  static bool ask(void* context, size_t bytes) noexcept {
    auto& self = *static_cast<AllocationLedger*>(context);
    const std::lock_guard lock(self.mutex_);
    if (self.live_ <= self.limit_ && bytes <= self.limit_ - self.live_) return true;
    ++self.refused_;
    return false;
  }
  static void record(void* context, const void* memory, size_t bytes) noexcept {
    auto& self = *static_cast<AllocationLedger*>(context);
    const std::lock_guard lock(self.mutex_);
    if (const auto found = self.bytes_.find(memory); found != self.bytes_.end()) {
      self.live_ -= found->second;
      self.bytes_.erase(found);
    }
    if (bytes == 0) return;
    self.bytes_[memory] = bytes;
    self.live_ += bytes;
    self.most_ = std::max(self.most_, self.live_);
  }

  mutable std::mutex mutex_;
  uint64_t limit_;
  uint64_t live_ = 0, most_ = 0, refused_ = 0;
  std::unordered_map<const void*, uint64_t> bytes_;
};

}  // namespace runnel::test
