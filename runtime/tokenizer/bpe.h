// Merges symbols, best rank first and leftmost among equals, until no neighbouring pair is in the merge table.
#pragma once

#include <cstdint>

#include "runnel/array.h"
#include "runtime/tokenizer/tables.h"

namespace runnel {

// Up to this many symbols are merged by scanning, in registers and one cache line; longer words by a heap.
inline constexpr uint32_t kShortWord = 32;

// Scratch of long words; kept between words. One thread at a time.
struct MergeScratch {
  struct Symbol {
    uint32_t id;
    uint32_t previous, next;  // kNoSymbol at the ends
    uint32_t rank, result;    // of the pair that begins here
  };
  Array<Symbol> symbols;
  Array<uint64_t> heap;
};

// Merges in place and returns how many symbols are left: O(count^2), for short words.
uint32_t merge_short(const TokenizerTables& tables, uint32_t* ids, uint32_t count) noexcept;
// The same result in O(count log count).
Status merge_long(const TokenizerTables& tables, MergeScratch* scratch, Array<uint32_t>* ids) noexcept;

inline Status merge_symbols(const TokenizerTables& tables, MergeScratch* scratch, Array<uint32_t>* ids) noexcept {
  if (ids->size() > kShortWord) return merge_long(tables, scratch, ids);
  ids->truncate(merge_short(tables, ids->data(), static_cast<uint32_t>(ids->size())));
  return {};
}

}  // namespace runnel
