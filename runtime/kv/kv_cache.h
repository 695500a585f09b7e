// The KV pages of all sessions of a model: blocks, who uses them, what they hold, and what to forget when room is
// needed.
//
// A block is a page in every group (kv_plan.h) for the same 2^page_shift tokens of one sequence. Blocks are reference
// counted; one that several sequences hold is never written: page_table.h copies it first. A block that no sequence
// holds any more stays, as long as nobody needs its pages, so that the next sequence that begins alike finds it; the
// one unused for the longest time goes first, ends of sequences before their beginnings.
//
// Ownership: owns the pages; page tables hold references. Thread rule: any thread for the public members; the rest is
// PageTable's, which holds the mutex.
#pragma once

#include <mutex>

#include "runnel/memory.h"
#include "runtime/kv/kv_plan.h"
#include "runtime/kv/page_pool.h"
#include "runtime/kv/prefix_tree.h"

namespace runnel {

class PageTable;

class KvCache {
 public:
  KvCache() noexcept = default;
  KvCache(const KvCache&) = delete;
  KvCache& operator=(const KvCache&) = delete;

  // `share_prefixes` false: sequences never find each other's blocks. Once. Statuses: out_of_memory, invalid_argument.
  // `device`: whose memory the pages are; null: the system's.
  Status init(const KvPlan& plan, bool share_prefixes, ComputeDevice* device = nullptr) noexcept;
  // Nothing that pages hold by now is to be found by another sequence any more: it may be wrong.
  void stop_sharing() noexcept;

  KvUsage usage() const noexcept;
  // Forgets what no sequence holds and returns all unused memory to the system. How many bytes of pages are unused now.
  uint64_t trim() noexcept;

  const KvPlan& plan() const noexcept { return plan_; }
  static uint64_t block_bytes(uint32_t page_shift) noexcept {
    return sizeof(Block) + sizeof(BlockId) + PrefixTree::node_bytes(page_shift);
  }

 private:
  friend class PageTable;
  struct Block {
    uint32_t holders = 0;                                               // page tables that hold it
    uint64_t last_use = 0;                                              // on the cache's clock
    PageId pages[kMaxKvGroups] = {kNoPage, kNoPage, kNoPage, kNoPage};  // kNoPage: taken back
    uint32_t users[kMaxKvGroups] = {};                                  // page tables that still look at the page
  };

  [[nodiscard]] bool promise(const uint32_t (&pages)[kMaxKvGroups]) noexcept;
  void take_back_promise(const uint32_t (&pages)[kMaxKvGroups]) noexcept;

  // A block with one holder that uses all its pages; kNoBlock when everything is in use.
  BlockId make() noexcept;
  // One more holder, who looks at the pages of the groups in `mask`. Requires: they are there.
  void hold(BlockId block, uint32_t mask) noexcept;
  void let_go(BlockId block, uint32_t mask) noexcept;
  // A holder stops, or begins again, to look at one page. use() is false when it was taken back meanwhile.
  void stop_using(BlockId block, uint32_t group) noexcept;
  [[nodiscard]] bool use(BlockId block, uint32_t group) noexcept;

  bool has_page(BlockId block, uint32_t group) const noexcept { return blocks_[block].pages[group] != kNoPage; }
  uint8_t* data(BlockId block, uint32_t group) const noexcept {
    return pools_[group].data(blocks_[block].pages[group]);
  }
  // Takes the block and all below it out of the tree; those that nobody holds are free then.
  void forget(BlockId block) noexcept;

  PageId take_page(uint32_t group) noexcept;
  void give_page(BlockId block, uint32_t group) noexcept;
  bool evict(uint32_t group) noexcept;
  void free_if_unused(BlockId block) noexcept;

  mutable std::mutex mutex_;
  KvPlan plan_;
  bool share_prefixes_ = false;
  uint64_t clock_ = 0;
  uint32_t promised_[kMaxKvGroups] = {};
  PagePool pools_[kMaxKvGroups];
  Array<Block> blocks_;
  Array<BlockId> free_;
  PrefixTree tree_;
};

}  // namespace runnel
