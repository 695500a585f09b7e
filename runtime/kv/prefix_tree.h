// The prefix tree: which tokens a block holds, given those before it. Two sequences that begin alike follow the same
// path and so find each other's keys and values, which are a function of the model and of all tokens up to their own.
//
// A node is a block; the children of a node hold what may follow its tokens. Only a block whose tokens are all known
// has children. Compared with RadixAttention (Zheng et al., "SGLang: Efficient Execution of Structured Language Model
// Programs", 2024) edges are whole blocks, so that a node never has to be split.
//
// Ownership: owns links and tokens, one place a block. Thread rule: one thread at a time (the cache's mutex).
#pragma once

#include <cstdint>
#include <span>

#include "runnel/array.h"
#include "runnel/status.h"

namespace runnel {

using BlockId = uint32_t;
inline constexpr BlockId kNoBlock = UINT32_MAX;

class PrefixTree {
 public:
  // Places for blocks [0, blocks). Once. Status: out_of_memory.
  Status init(uint32_t blocks, uint32_t page_shift) noexcept;

  struct Match {
    BlockId block = kNoBlock;
    uint32_t tokens = 0;  // how many of the wanted ones it begins with
  };
  // The child of `parent` (kNoBlock: the root) that has most of `wanted`, at most a block's worth.
  Match find(BlockId parent, std::span<const int32_t> wanted) const noexcept;

  // Makes `block` a child of `parent`. Requires: not in the tree, at least one token, the parent full or the root.
  void insert(BlockId block, BlockId parent, std::span<const int32_t> tokens) noexcept;
  // The block's tokens are now these, more than before and beginning with those before.
  void extend(BlockId block, std::span<const int32_t> tokens) noexcept;
  // Its first `tokens` tokens (fewer than before, at least one) are all that is known of it. Requires: no children.
  void shorten(BlockId block, uint32_t tokens) noexcept { nodes_[block].filled = tokens; }
  // Requires: in the tree, no children.
  void remove(BlockId block) noexcept;

  bool contains(BlockId block) const noexcept { return nodes_[block].filled != 0; }
  bool full(BlockId block) const noexcept { return nodes_[block].filled == 1u << page_shift_; }
  uint32_t filled(BlockId block) const noexcept { return nodes_[block].filled; }  // tokens; 0: not in the tree
  BlockId first_child(BlockId block) const noexcept { return nodes_[block].first_child; }

  static uint64_t node_bytes(uint32_t page_shift) noexcept {
    return sizeof(Node) + (uint64_t{sizeof(int32_t)} << page_shift);
  }

 private:
  struct Node {
    uint32_t filled = 0;
    BlockId parent = kNoBlock;
    BlockId first_child = kNoBlock;
    BlockId next = kNoBlock, previous = kNoBlock;  // siblings
  };
  BlockId& first_of(BlockId parent) noexcept { return parent == kNoBlock ? root_ : nodes_[parent].first_child; }
  int32_t* tokens_of(BlockId block) noexcept { return tokens_.data() + (size_t{block} << page_shift_); }

  uint32_t page_shift_ = 0;
  BlockId root_ = kNoBlock;  // the first block of those that begin a sequence
  Array<Node> nodes_;
  Array<int32_t> tokens_;
};

}  // namespace runnel
