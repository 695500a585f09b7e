// The memory of one group's KV pages: a fixed number of equal pages in one region that the system backs page by page as
// it is touched. Who uses a page is the cache's business (kv_cache.h), what is inside the executor's.
//
// Ownership: the pool owns the memory. Thread rule: one thread at a time.
#pragma once

#include <cstdint>

#include "graph/back_end.h"
#include "runnel/array.h"
#include "runnel/status.h"

namespace runnel {

using PageId = uint32_t;
inline constexpr PageId kNoPage = UINT32_MAX;

class PagePool {
 public:
  PagePool() noexcept = default;
  PagePool(const PagePool&) = delete;
  PagePool& operator=(const PagePool&) = delete;
  ~PagePool();

  // Takes the address space of all pages; from `device` (outlives the pool) if there is one, which backs it at once.
  // Once. Statuses: out_of_memory, invalid_argument (sizes that overflow).
  Status init(uint64_t page_bytes, uint32_t page_count, ComputeDevice* device = nullptr) noexcept;

  // A page, its bytes unspecified; kNoPage when all are taken.
  PageId take() noexcept;
  void give(PageId page) noexcept;  // Requires: taken

  // Returns the memory behind pages that nobody has taken to the system; how many bytes of address space that was.
  uint64_t trim() noexcept;

  uint8_t* data(PageId page) const noexcept { return memory_ + page * page_bytes_; }
  uint64_t page_bytes() const noexcept { return page_bytes_; }  // a multiple of 64
  uint32_t page_count() const noexcept { return page_count_; }
  uint32_t free_pages() const noexcept { return static_cast<uint32_t>(free_.size()); }

  // Private bytes besides the pages themselves.
  static uint64_t table_bytes(uint32_t page_count) noexcept { return uint64_t{page_count} * sizeof(PageId); }

 private:
  ComputeDevice* device_ = nullptr;
  uint8_t* memory_ = nullptr;
  uint64_t page_bytes_ = 0;
  uint64_t memory_bytes_ = 0;
  uint32_t page_count_ = 0;
  Array<PageId> free_;  // a stack: the page freed last, still warm, is taken first
};

}  // namespace runnel
