// The groups of a graph's KV pages: slots that forget alike (the same window) share pages.
#pragma once

#include <cstdint>

namespace runnel {

inline constexpr uint32_t kMaxKvGroups = 4;

struct KvGroup {
  uint64_t page_bytes = 0;  // of all the group's slots
  uint32_t window = 0;      // tokens that its slots look back, the own one included; 0: all
  bool operator==(const KvGroup&) const = default;
};

struct KvGroups {
  KvGroup groups[kMaxKvGroups];
  uint32_t count = 0;
  uint32_t page_shift = 0;  // log2 of tokens a page
  bool operator==(const KvGroups&) const = default;
};

}  // namespace runnel
