#include "runtime/kv/prefix_tree.h"

#include <algorithm>

namespace runnel {

Status PrefixTree::init(uint32_t blocks, uint32_t page_shift) noexcept {
  page_shift_ = page_shift;
  if (!nodes_.resize(blocks) || !tokens_.reserve_backed(size_t{blocks} << page_shift))
    return out_of_memory("kv pages", "the prefix tree");
  return {};
}

PrefixTree::Match PrefixTree::find(BlockId parent, std::span<const int32_t> wanted) const noexcept {
  const size_t most = std::min<size_t>(wanted.size(), size_t{1} << page_shift_);
  Match best;
  for (BlockId child = parent == kNoBlock ? root_ : nodes_[parent].first_child; child != kNoBlock;
       child = nodes_[child].next) {
    const int32_t* tokens = tokens_.data() + (size_t{child} << page_shift_);
    const auto limit = static_cast<uint32_t>(std::min<size_t>(most, nodes_[child].filled));
    uint32_t same = 0;
    while (same < limit && tokens[same] == wanted[same]) ++same;
    if (same > best.tokens) best = {child, same};
    if (same == most) break;
  }
  return best;
}

void PrefixTree::insert(BlockId block, BlockId parent, std::span<const int32_t> tokens) noexcept {
  Node& node = nodes_[block];
  BlockId& first = first_of(parent);
  node = {.filled = 0, .parent = parent, .first_child = kNoBlock, .next = first, .previous = kNoBlock};
  if (first != kNoBlock) nodes_[first].previous = block;
  first = block;
  extend(block, tokens);
}

void PrefixTree::extend(BlockId block, std::span<const int32_t> tokens) noexcept {
  Node& node = nodes_[block];
  std::copy(tokens.begin() + node.filled, tokens.end(), tokens_of(block) + node.filled);
  node.filled = static_cast<uint32_t>(tokens.size());
}

void PrefixTree::remove(BlockId block) noexcept {
  Node& node = nodes_[block];
  if (node.previous != kNoBlock) {
    nodes_[node.previous].next = node.next;
  } else {
    first_of(node.parent) = node.next;
  }
  if (node.next != kNoBlock) nodes_[node.next].previous = node.previous;
  node = {};
}

}  // namespace runnel
