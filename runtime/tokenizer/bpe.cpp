#include "runtime/tokenizer/bpe.h"

#include <algorithm>
#include <functional>

namespace runnel {

uint32_t merge_short(const TokenizerTables& tables, uint32_t* ids, uint32_t count) noexcept {
  if (count < 2) return count;
  uint32_t ranks[kShortWord], results[kShortWord];
  const auto look_up = [&](uint32_t i) {
    const Merge merge = tables.find_merge(ids[i], ids[i + 1]);
    ranks[i] = merge.rank;
    results[i] = merge.result;
  };
  for (uint32_t i = 0; i + 1 < count; ++i) look_up(i);
  while (count > 1) {
    uint32_t best = 0;
    for (uint32_t i = 1; i + 1 < count; ++i) best = ranks[i] < ranks[best] ? i : best;
    if (ranks[best] == kNoSymbol) break;
    ids[best] = results[best];
    --count;
    for (uint32_t i = best + 1; i < count; ++i) {
      ids[i] = ids[i + 1];
      ranks[i - 1] = ranks[i];
      results[i - 1] = results[i];
    }
    if (best > 0) look_up(best - 1);
    if (best + 1 < count) {
      // The loop above moved the pair after `best` onto it; its left symbol has changed.
      look_up(best);
    }
  }
  return count;
}

Status merge_long(const TokenizerTables& tables, MergeScratch* scratch, Array<uint32_t>* ids) noexcept {
  const size_t count = ids->size();
  auto& symbols = scratch->symbols;
  auto& heap = scratch->heap;
  if (count >= kNoSymbol || !symbols.resize(count)) return out_of_memory("tokenizer", "the symbols of a long word");
  heap.clear();
  const auto look_up = [&](uint32_t i) noexcept {
    MergeScratch::Symbol& s = symbols[i];
    const Merge merge = s.next == kNoSymbol ? Merge{kNoSymbol, kNoSymbol} : tables.find_merge(s.id, symbols[s.next].id);
    s.rank = merge.rank;
    s.result = merge.result;
    return merge.rank == kNoSymbol || heap.push(uint64_t{merge.rank} << 32 | i);
  };
  const auto later = std::greater<uint64_t>();
  bool held = true;
  for (uint32_t i = 0; i < count; ++i) {
    symbols[i].id = (*ids)[i];
    symbols[i].previous = i == 0 ? kNoSymbol : i - 1;
    symbols[i].next = i + 1 == count ? kNoSymbol : i + 1;
  }
  for (uint32_t i = 0; i < count; ++i) held = held && look_up(i);
  std::make_heap(heap.begin(), heap.end(), later);

  while (held && !heap.empty()) {
    const uint64_t top = heap[0];
    std::pop_heap(heap.begin(), heap.end(), later);
    heap.truncate(heap.size() - 1);
    const auto at = static_cast<uint32_t>(top);
    MergeScratch::Symbol& s = symbols[at];
    if (s.rank != top >> 32) continue;  // the pair has changed, or its left symbol is gone
    const uint32_t gone = s.next;
    s.id = s.result;
    s.next = symbols[gone].next;
    symbols[gone].rank = kNoSymbol;
    if (s.next != kNoSymbol) symbols[s.next].previous = at;
    for (const uint32_t changed : {s.previous, at}) {
      if (changed == kNoSymbol) continue;
      const size_t before = heap.size();
      held = held && look_up(changed);
      if (heap.size() > before) std::push_heap(heap.begin(), heap.end(), later);
    }
  }
  if (!held) return out_of_memory("tokenizer", "the merges of a long word");
  size_t left = 0;
  for (uint32_t i = 0; i != kNoSymbol; i = symbols[i].next) (*ids)[left++] = symbols[i].id;
  ids->truncate(left);
  return {};
}

}  // namespace runnel
