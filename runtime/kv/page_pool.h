// KV pages: a fixed number of equal pages, reference counted, in one region that the system backs page by page as it is
// touched. A page holds 2^page_shift tokens of all layers; what is inside is the executor's business.
//
// Ownership: the pool owns the memory; tables (page_table.h) hold references. Thread rule: any thread.
#pragma once

#include <cstdint>
#include <mutex>

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

  // Takes the address space of all pages. Once. Statuses: out_of_memory, invalid_argument (sizes that overflow).
  Status init(uint64_t page_bytes, uint32_t page_count) noexcept;

  // A promise that `pages` pages can be acquired later by who asked; false when other promises leave fewer.
  [[nodiscard]] bool reserve(uint32_t pages) noexcept;
  void unreserve(uint32_t pages) noexcept;  // Requires: reserved before

  // A page with one reference, its bytes unspecified; kNoPage when all are in use.
  PageId acquire() noexcept;
  void retain(PageId page) noexcept;   // Requires: referenced
  void release(PageId page) noexcept;  // Requires: referenced. The last reference makes it free again.

  uint8_t* data(PageId page) const noexcept { return memory_ + page * page_bytes_; }
  uint32_t page_count() const noexcept { return page_count_; }
  uint32_t free_pages() const noexcept;
  uint32_t unreserved_pages() const noexcept;

  // Private bytes besides the pages themselves.
  static uint64_t table_bytes(uint32_t page_count) noexcept { return uint64_t{page_count} * 2 * sizeof(uint32_t); }

 private:
  uint8_t* memory_ = nullptr;
  uint64_t page_bytes_ = 0;
  uint64_t memory_bytes_ = 0;
  uint32_t page_count_ = 0;
  uint32_t reserved_ = 0;
  Array<uint32_t> references_;  // of each page
  Array<PageId> free_;          // a stack: the page freed last, still warm, is taken first
  mutable std::mutex mutex_;
};

}  // namespace runnel
