// The pages of one sequence, in order, as the kernels want them: what it shares with others, what only it may write.
//
// Ownership: holds the blocks of its tokens, given back by truncate() and destruction. Thread rule: one thread at a
// time; the cache is shared. adopt() copies from blocks that others may be writing to: no step of the model runs then.
#pragma once

#include "runtime/kv/kv_cache.h"

namespace runnel {

class PageTable {
 public:
  PageTable() noexcept = default;
  PageTable(const PageTable&) = delete;
  PageTable& operator=(const PageTable&) = delete;
  ~PageTable();

  // Has the cache promise pages for up to `max_tokens` tokens (unless sessions take them as they need them), and takes
  // memory for all bookkeeping, so that nothing else is allocated later. Once. Statuses: over_budget (the cache's pages
  // are promised to others), out_of_memory.
  Status init(KvCache* cache, uint32_t max_tokens) noexcept;

  // Makes tokens [begin, end) have pages that nobody else reads, and gives back what windows have left behind when
  // `begin` is the first token of a step. Requires: tokens [0, begin) have pages. Status: context_full beyond
  // max_tokens or when the cache has none left; the table then covers what it covered before.
  Status cover(uint32_t begin, uint32_t end) noexcept;
  // Tells the cache which tokens' keys and values are in the pages now, so that others may find them.
  void commit(std::span<const int32_t> tokens) noexcept;

  // Looks for pages of tokens [computed, limit) that another sequence has computed, and makes them this one's, the last
  // ones copied where only a part of a page is alike. Returns to where tokens are computed now: computed or more, or 0
  // where no page is left and a window's are gone. Requires: tokens [0, computed) are, limit <= tokens.size().
  uint32_t adopt(std::span<const int32_t> tokens, uint32_t computed, uint32_t limit) noexcept;
  // Makes this (empty) table hold the first `tokens` tokens of another of the same cache, shared until written.
  void share(const PageTable& other, uint32_t tokens) noexcept;

  // Gives back the blocks that only tokens from `tokens` on use. Returns how many tokens still have everything that the
  // next one needs: `tokens`, or 0 where a window's pages are gone, and then all blocks are.
  uint32_t truncate(uint32_t tokens) noexcept;

  // How many blocks, from the first on, hold what they held at the last mark_unchanged(): no page of theirs was made
  // writable or exchanged since.
  uint32_t unchanged_blocks() const noexcept { return unchanged_; }
  void mark_unchanged() noexcept { unchanged_ = block_count(); }

  // Of each group an array of pages by block, null where a window has passed.
  uint8_t* const* const* pages() const noexcept { return groups_; }
  uint32_t block_count() const noexcept { return static_cast<uint32_t>(ids_.size()); }
  uint32_t max_tokens() const noexcept { return max_tokens_; }
  const KvPlan& plan() const noexcept { return cache_->plan(); }

  static uint64_t table_bytes(const KvPlan& plan, uint32_t max_tokens) noexcept {
    return uint64_t{kv_pages_for(max_tokens, plan.page_shift)} *
           (2 * sizeof(BlockId) + plan.group_count * sizeof(uint8_t*));
  }

 private:
  uint32_t blocks_for(uint32_t tokens) const noexcept { return kv_pages_for(tokens, plan().page_shift); }
  uint32_t page_tokens() const noexcept { return 1u << plan().page_shift; }
  // The first block that a token at `position` sees through the group's window.
  uint32_t first_seen(uint32_t group, uint32_t position) const noexcept;
  uint32_t mask(uint32_t block) const noexcept;  // groups whose page of it this table looks at

  void push(BlockId block, uint32_t mask) noexcept;  // already held
  void pop() noexcept;
  void replace(uint32_t at, BlockId block, uint32_t mask) noexcept;  // already held; lets go of the one there
  uint32_t drop_all() noexcept;                                      // 0: nothing is computed any more
  void leave_windows(uint32_t position) noexcept;
  [[nodiscard]] bool own(uint32_t at, uint32_t from) noexcept;
  [[nodiscard]] bool look_back(uint32_t tokens) noexcept;
  bool sees(std::span<const BlockId> found, uint32_t first, uint32_t tokens) const noexcept;
  Status no_page(uint32_t tokens) const noexcept;

  KvCache* cache_ = nullptr;
  uint32_t max_tokens_ = 0;
  uint32_t promised_[kMaxKvGroups] = {};
  uint32_t committed_ = 0;  // blocks, full and offered to the tree
  uint32_t unchanged_ = 0;
  Array<BlockId> ids_;
  Array<BlockId> found_;  // adopt()'s
  Array<uint8_t*> data_[kMaxKvGroups];
  uint8_t** groups_[kMaxKvGroups] = {};
};

}  // namespace runnel
