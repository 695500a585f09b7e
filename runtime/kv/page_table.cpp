#include "runtime/kv/page_table.h"

#include <algorithm>
#include <cstring>

namespace runnel {

Status PageTable::init(KvCache* cache, uint32_t max_tokens) noexcept {
  const KvPlan& plan = cache->plan();
  const uint32_t blocks = kv_pages_for(max_tokens, plan.page_shift);
  if (!ids_.reserve_backed(blocks) || !found_.reserve_backed(blocks)) return out_of_memory("session", "its page table");
  for (uint32_t g = 0; g < plan.group_count; ++g) {
    if (!data_[g].reserve_backed(blocks)) return out_of_memory("session", "its page table");
    groups_[g] = data_[g].data();
    promised_[g] = plan.on_demand ? 0 : std::min(blocks, plan.groups[g].session_pages);
  }
  const std::lock_guard lock(cache->mutex_);
  if (!cache->promise(promised_))
    return Status::error(Code::over_budget,
                         "session: the KV pages for %u tokens of context are promised to other sessions", max_tokens);
  cache_ = cache;
  max_tokens_ = max_tokens;
  return {};
}

PageTable::~PageTable() {
  if (cache_ == nullptr) return;
  const std::lock_guard lock(cache_->mutex_);
  while (!ids_.empty()) pop();
  cache_->take_back_promise(promised_);
}

uint32_t PageTable::first_seen(uint32_t group, uint32_t position) const noexcept {
  const uint32_t window = plan().groups[group].window;
  return window == 0 || position < window ? 0 : (position - window + 1) >> plan().page_shift;
}

uint32_t PageTable::mask(uint32_t block) const noexcept {
  uint32_t mask = 0;
  for (uint32_t g = 0; g < plan().group_count; ++g) mask |= data_[g][block] != nullptr ? 1u << g : 0;
  return mask;
}

void PageTable::push(BlockId block, uint32_t mask) noexcept {
  (void)ids_.push(block);  // room was reserved by init()
  for (uint32_t g = 0; g < plan().group_count; ++g) {
    (void)data_[g].push((mask >> g & 1) != 0 ? cache_->data(block, g) : nullptr);
  }
}

void PageTable::pop() noexcept {
  cache_->let_go(ids_.back(), mask(block_count() - 1));
  ids_.truncate(ids_.size() - 1);
  for (uint32_t g = 0; g < plan().group_count; ++g) data_[g].truncate(ids_.size());
  committed_ = std::min(committed_, block_count());
  unchanged_ = std::min(unchanged_, block_count());
}

void PageTable::replace(uint32_t at, BlockId block, uint32_t with) noexcept {
  unchanged_ = std::min(unchanged_, at);
  const uint32_t before = mask(at);
  cache_->let_go(ids_[at], before);
  ids_[at] = block;
  for (uint32_t g = 0; g < plan().group_count; ++g) {
    data_[g][at] = (with >> g & 1) != 0 ? cache_->data(block, g) : nullptr;
  }
}

void PageTable::leave_windows(uint32_t position) noexcept {
  for (uint32_t g = 0; g < plan().group_count; ++g) {
    if (plan().groups[g].window == 0) continue;
    // Those before were left in earlier steps.
    for (uint32_t b = std::min(first_seen(g, position), block_count()); b > 0 && data_[g][b - 1] != nullptr; --b) {
      cache_->stop_using(ids_[b - 1], g);
      data_[g][b - 1] = nullptr;
    }
  }
}

// Makes the block at `at` this table's alone from token `from` of the block on. False when a copy is needed and no page
// is left.
bool PageTable::own(uint32_t at, uint32_t from) noexcept {
  const BlockId id = ids_[at];
  PrefixTree& tree = cache_->tree_;
  if (cache_->blocks_[id].holders == 1) {
    if (tree.filled(id) <= from) return true;
    if (tree.first_child(id) == kNoBlock) {
      // What others could have found here is written over.
      if (from == 0) {
        tree.remove(id);
      } else {
        tree.shorten(id, from);
      }
      committed_ = std::min(committed_, at);
      return true;
    }
  }
  const BlockId copy = cache_->make();
  if (copy == kNoBlock) return false;
  for (uint32_t g = 0; g < plan().group_count; ++g) {
    if (data_[g][at] != nullptr) std::memcpy(cache_->data(copy, g), data_[g][at], plan().groups[g].page_bytes);
  }
  replace(at, copy, (1u << plan().group_count) - 1);
  committed_ = std::min(committed_, at);
  return true;
}

Status PageTable::no_page(uint32_t tokens) const noexcept {
  if (!plan().on_demand) return Status::error(Code::internal, "session: a promised KV page is missing");
  return Status::error(Code::context_full,
                       "session: no KV page is left for token %u: the sessions share room for %llu tokens", tokens,
                       static_cast<unsigned long long>(uint64_t{plan().blocks} << plan().page_shift));
}

Status PageTable::cover(uint32_t begin, uint32_t end) noexcept {
  if (end > max_tokens_)
    return Status::error(Code::context_full, "session: %u tokens do not fit the context of %u", end, max_tokens_);
  const std::lock_guard lock(cache_->mutex_);
  // The token before may have to be computed again, should this step fail.
  if (begin > 0) leave_windows(begin - 1);
  unchanged_ = std::min(unchanged_, begin >> plan().page_shift);
  const uint32_t wanted = blocks_for(end), before = block_count();
  for (uint32_t at = begin >> plan().page_shift; at < std::min(wanted, before); ++at) {
    const uint32_t first = at << plan().page_shift;
    if (!own(at, begin > first ? begin - first : 0)) return no_page(first);
  }
  while (block_count() < wanted) {
    const BlockId block = cache_->make();
    if (block == kNoBlock) {
      const Status status = no_page(block_count() << plan().page_shift);
      while (block_count() > before) pop();
      return status;
    }
    push(block, (1u << plan().group_count) - 1);
  }
  return {};
}

void PageTable::commit(std::span<const int32_t> tokens) noexcept {
  if (!cache_->share_prefixes_) return;
  const std::lock_guard lock(cache_->mutex_);
  PrefixTree& tree = cache_->tree_;
  const auto count = static_cast<uint32_t>(tokens.size());
  for (uint32_t at = committed_; at < blocks_for(count); ++at) {
    const BlockId parent = at == 0 ? kNoBlock : ids_[at - 1];
    if (parent != kNoBlock && !tree.full(parent)) return;  // what the tree does not reach cannot be found
    const auto own_tokens = tokens.subspan(size_t{at} << plan().page_shift)
                                .first(std::min(page_tokens(), count - (at << plan().page_shift)));
    const BlockId id = ids_[at];
    if (tree.contains(id)) {
      if (tree.filled(id) < own_tokens.size()) tree.extend(id, own_tokens);
    } else {
      const PrefixTree::Match other = tree.find(parent, own_tokens);
      const bool same = other.tokens == own_tokens.size();
      if (same && own_tokens.size() < page_tokens()) return;  // others find those: ours tells them nothing new
      if (same) {
        // Computed twice at the same time: one copy is enough, if the other's has all that this one looks at.
        uint32_t there = 0;
        for (uint32_t g = 0; g < plan().group_count; ++g) there |= cache_->has_page(other.block, g) ? 1u << g : 0;
        const uint32_t wanted = mask(at);
        if ((wanted & ~there) != 0) return;
        cache_->hold(other.block, wanted);
        replace(at, other.block, wanted);
      } else {
        // A beginning of this one that nobody holds adds nothing.
        if (other.tokens != 0 && other.tokens == tree.filled(other.block) && cache_->blocks_[other.block].holders == 0)
          cache_->forget(other.block);
        tree.insert(id, parent, own_tokens);
      }
    }
    if (own_tokens.size() == page_tokens()) committed_ = at + 1;
  }
}

// Whether the last of `tokens` tokens, and so the next one, would find all it looks at: blocks from `first` on are
// found[0..], those before the table's own.
bool PageTable::sees(std::span<const BlockId> found, uint32_t first, uint32_t tokens) const noexcept {
  for (uint32_t g = 0; g < plan().group_count; ++g) {
    for (uint32_t b = first_seen(g, tokens - 1); b < blocks_for(tokens); ++b) {
      if (!cache_->has_page(b < first ? ids_[b] : found[b - first], g)) return false;
    }
  }
  return true;
}

// Looks again at the pages that the last of `tokens` tokens sees, and so the next one. False when one is gone; what was
// looked at stays so.
bool PageTable::look_back(uint32_t tokens) noexcept {
  if (tokens == 0) return true;
  for (uint32_t g = 0; g < plan().group_count; ++g) {
    for (uint32_t b = first_seen(g, tokens - 1); b < std::min(blocks_for(tokens), block_count()); ++b) {
      if (data_[g][b] != nullptr) continue;
      if (!cache_->use(ids_[b], g)) return false;
      data_[g][b] = cache_->data(ids_[b], g);
    }
  }
  return true;
}

uint32_t PageTable::adopt(std::span<const int32_t> tokens, uint32_t computed, uint32_t limit) noexcept {
  if (!cache_->share_prefixes_ || limit <= computed) return computed;
  const std::lock_guard lock(cache_->mutex_);
  const PrefixTree& tree = cache_->tree_;
  const uint32_t shift = plan().page_shift;
  const uint32_t first = computed >> shift;
  if (first > 0 && !tree.full(ids_[first - 1])) return computed;
  found_.clear();
  uint32_t reached = first << shift;
  for (BlockId parent = first > 0 ? ids_[first - 1] : kNoBlock; reached < limit;) {
    const PrefixTree::Match match = tree.find(parent, tokens.subspan(reached).first(limit - reached));
    if (match.tokens == 0) break;
    (void)found_.push(match.block);  // room was reserved by init()
    reached += match.tokens;
    if (match.tokens < page_tokens()) break;
    parent = match.block;
  }
  // Where windows' pages are missing, a shorter beginning may still have its own.
  while (reached > computed && !sees(found_, first, reached)) reached = (reached - 1) >> shift << shift;
  if (reached <= computed) return computed;

  // What is the table's own is looked at first: making a copy below may take back pages that nobody looks at.
  if (!look_back(reached)) return drop_all();
  const uint32_t whole = reached >> shift;
  for (uint32_t at = first; at < blocks_for(reached); ++at) {
    BlockId block = found_[at - first];
    if (at < whole && at < block_count() && ids_[at] == block) continue;
    uint32_t looks = 0;
    for (uint32_t g = 0; g < plan().group_count; ++g) looks |= at >= first_seen(g, reached - 1) ? 1u << g : 0;
    cache_->hold(block, looks);
    if (at == whole) {  // the last one, a part of which is alike: held while its copy is made
      const BlockId copy = cache_->make();
      for (uint32_t g = 0; copy != kNoBlock && g < plan().group_count; ++g) {
        if ((looks >> g & 1) != 0)
          std::memcpy(cache_->data(copy, g), cache_->data(block, g), plan().groups[g].page_bytes);
      }
      cache_->let_go(block, looks);
      if (copy == kNoBlock) {
        // No page is left for it. A token less far on may look further back.
        reached = std::max(computed, whole << shift);
        if (!look_back(reached)) return drop_all();
        break;
      }
      block = copy;
      looks = (1u << plan().group_count) - 1;
    }
    if (at < block_count()) {
      replace(at, block, looks);
    } else {
      push(block, looks);
    }
  }
  if (reached > 0) leave_windows(reached - 1);
  committed_ = std::max(committed_, std::min(whole, reached >> shift));
  return reached;
}

uint32_t PageTable::drop_all() noexcept {
  while (!ids_.empty()) pop();
  return 0;
}

void PageTable::share(const PageTable& other, uint32_t tokens) noexcept {
  const std::lock_guard lock(cache_->mutex_);
  for (uint32_t at = 0; at < std::min(blocks_for(tokens), other.block_count()); ++at) {
    cache_->hold(other.ids_[at], other.mask(at));
    push(other.ids_[at], other.mask(at));
  }
  committed_ = std::min(other.committed_, block_count());
}

uint32_t PageTable::truncate(uint32_t tokens) noexcept {
  const std::lock_guard lock(cache_->mutex_);
  while (block_count() > blocks_for(tokens)) pop();
  return look_back(tokens) ? tokens : drop_all();
}

}  // namespace runnel
