#include "runtime/kv/kv_cache.h"

namespace runnel {

Status KvCache::init(const KvPlan& plan, bool share_prefixes, ComputeDevice* device) noexcept {
  plan_ = plan;
  share_prefixes_ = share_prefixes;
  for (uint32_t g = 0; g < plan.group_count; ++g) {
    RUNNEL_TRY(pools_[g].init(plan.groups[g].page_bytes, plan.groups[g].pages, device));
  }
  if (!blocks_.resize(plan.blocks) || !free_.reserve_backed(plan.blocks))
    return out_of_memory("kv pages", "the block list");
  for (BlockId block = plan.blocks; block > 0; --block) (void)free_.push(block - 1);  // reserved above
  return tree_.init(plan.blocks, plan.page_shift);
}

void KvCache::stop_sharing() noexcept {
  const std::lock_guard lock(mutex_);
  share_prefixes_ = false;
}

bool KvCache::promise(const uint32_t (&pages)[kMaxKvGroups]) noexcept {
  for (uint32_t g = 0; g < plan_.group_count; ++g) {
    if (pages[g] > plan_.groups[g].pages - promised_[g]) return false;
  }
  for (uint32_t g = 0; g < plan_.group_count; ++g) promised_[g] += pages[g];
  return true;
}

void KvCache::take_back_promise(const uint32_t (&pages)[kMaxKvGroups]) noexcept {
  for (uint32_t g = 0; g < plan_.group_count; ++g) promised_[g] -= pages[g];
}

PageId KvCache::take_page(uint32_t group) noexcept {
  for (;;) {
    const PageId page = pools_[group].take();
    if (page != kNoPage || !evict(group)) return page;
  }
}

BlockId KvCache::make() noexcept {
  while (free_.empty()) {
    if (!evict(kMaxKvGroups)) return kNoBlock;
  }
  const BlockId id = free_.back();
  free_.truncate(free_.size() - 1);
  Block& block = blocks_[id];
  block = {};
  for (uint32_t g = 0; g < plan_.group_count; ++g) {
    block.pages[g] = take_page(g);
    if (block.pages[g] == kNoPage) {
      free_if_unused(id);
      return kNoBlock;
    }
    block.users[g] = 1;
  }
  block.holders = 1;
  return id;
}

void KvCache::hold(BlockId id, uint32_t mask) noexcept {
  Block& block = blocks_[id];
  ++block.holders;
  for (uint32_t g = 0; g < plan_.group_count; ++g) {
    if ((mask >> g & 1) != 0) ++block.users[g];
  }
}

void KvCache::let_go(BlockId id, uint32_t mask) noexcept {
  Block& block = blocks_[id];
  block.last_use = ++clock_;
  for (uint32_t g = 0; g < plan_.group_count; ++g) {
    if ((mask >> g & 1) != 0) stop_using(id, g);
  }
  --block.holders;
  free_if_unused(id);
}

void KvCache::stop_using(BlockId id, uint32_t group) noexcept {
  Block& block = blocks_[id];
  // What the tree knows stays for whoever comes next; evict() takes it when it is wanted.
  if (--block.users[group] == 0 && !tree_.contains(id)) give_page(id, group);
}

bool KvCache::use(BlockId id, uint32_t group) noexcept {
  if (!has_page(id, group)) return false;
  ++blocks_[id].users[group];
  return true;
}

void KvCache::give_page(BlockId id, uint32_t group) noexcept {
  pools_[group].give(blocks_[id].pages[group]);
  blocks_[id].pages[group] = kNoPage;
}

void KvCache::free_if_unused(BlockId id) noexcept {
  if (blocks_[id].holders != 0 || tree_.contains(id)) return;
  for (uint32_t g = 0; g < plan_.group_count; ++g) {
    if (has_page(id, g)) give_page(id, g);
  }
  blocks_[id] = {};
  (void)free_.push(id);  // its place was reserved in init()
}

void KvCache::forget(BlockId top) noexcept {
  // Leaves first: down to one, out with it, and again.
  for (;;) {
    BlockId leaf = top;
    while (tree_.first_child(leaf) != kNoBlock) leaf = tree_.first_child(leaf);
    tree_.remove(leaf);
    // Pages that only the tree kept, of a block that a sequence still holds.
    for (uint32_t g = 0; g < plan_.group_count; ++g) {
      if (has_page(leaf, g) && blocks_[leaf].users[g] == 0) give_page(leaf, g);
    }
    free_if_unused(leaf);
    if (leaf == top) return;
  }
}

// Frees at least one page of `group` (kMaxKvGroups: a block); false when all are in use. A page that left every window
// goes alone, what nobody holds goes whole.
bool KvCache::evict(uint32_t group) noexcept {
  const auto unused = [&](const Block& block) {
    return group == kMaxKvGroups ? block.holders == 0 : block.pages[group] != kNoPage && block.users[group] == 0;
  };
  BlockId oldest = kNoBlock;
  for (BlockId id = 0; id < blocks_.size(); ++id) {
    if (!tree_.contains(id) || !unused(blocks_[id])) continue;
    if (oldest == kNoBlock || blocks_[id].last_use < blocks_[oldest].last_use) oldest = id;
  }
  if (oldest == kNoBlock) return false;
  if (blocks_[oldest].holders == 0) {
    forget(oldest);
  } else {
    give_page(oldest, group);
  }
  return true;
}

KvUsage KvCache::usage() const noexcept {
  const std::lock_guard lock(mutex_);
  KvUsage usage;
  for (uint32_t g = 0; g < plan_.group_count; ++g) {
    const uint64_t bytes = pools_[g].page_bytes();
    usage.free_bytes += bytes * pools_[g].free_pages();
    uint64_t used = 0, looks = 0;
    for (const Block& block : blocks_) {
      if (block.users[g] == 0) continue;
      ++used;
      looks += block.users[g];
    }
    usage.used_bytes += bytes * used;
    usage.shared_bytes += bytes * (looks - used);
    usage.cached_bytes += bytes * (pools_[g].page_count() - pools_[g].free_pages() - used);
  }
  return usage;
}

uint64_t KvCache::trim() noexcept {
  const std::lock_guard lock(mutex_);
  for (BlockId id = 0; id < blocks_.size(); ++id) {
    if (!tree_.contains(id)) continue;
    if (blocks_[id].holders == 0) {
      forget(id);
      continue;
    }
    for (uint32_t g = 0; g < plan_.group_count; ++g) {
      if (has_page(id, g) && blocks_[id].users[g] == 0) give_page(id, g);
    }
  }
  uint64_t bytes = 0;
  for (uint32_t g = 0; g < plan_.group_count; ++g) bytes += pools_[g].trim();
  return bytes;
}

}  // namespace runnel
