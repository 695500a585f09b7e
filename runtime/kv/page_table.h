// The page table of one sequence: which pages hold its tokens, in order, as the kernels want them.
//
// Ownership: holds one reference to each page, given back by truncate() and destruction. Thread rule: one thread at a
// time; the pool is shared.
#pragma once

#include "runtime/kv/page_pool.h"

namespace runnel {

class PageTable {
 public:
  PageTable() noexcept = default;
  PageTable(const PageTable&) = delete;
  PageTable& operator=(const PageTable&) = delete;
  ~PageTable();

  // Reserves the pool's pages for up to `max_tokens` tokens and all bookkeeping, so that cover() cannot fail for want
  // of memory. Once. Statuses: over_budget (the pool's pages are promised to others), out_of_memory.
  Status init(PagePool* pool, uint32_t page_shift, uint32_t max_tokens) noexcept;

  // Makes tokens [0, tokens) have pages. Status: context_full beyond max_tokens, the table unchanged.
  Status cover(uint32_t tokens) noexcept;
  // Gives back the pages that only tokens from `tokens` on use.
  void truncate(uint32_t tokens) noexcept;

  uint8_t* const* pages() const noexcept { return data_.data(); }
  uint32_t page_count() const noexcept { return static_cast<uint32_t>(ids_.size()); }
  uint32_t max_tokens() const noexcept { return max_tokens_; }

  static uint32_t pages_for(uint32_t tokens, uint32_t page_shift) noexcept {
    return (tokens >> page_shift) + ((tokens & ((1u << page_shift) - 1)) != 0);
  }
  static uint64_t table_bytes(uint32_t max_tokens, uint32_t page_shift) noexcept {
    return uint64_t{pages_for(max_tokens, page_shift)} * (sizeof(PageId) + sizeof(uint8_t*));
  }

 private:
  PagePool* pool_ = nullptr;
  uint32_t page_shift_ = 0;
  uint32_t max_tokens_ = 0;
  uint32_t reserved_ = 0;
  Array<PageId> ids_;
  Array<uint8_t*> data_;
};

}  // namespace runnel
