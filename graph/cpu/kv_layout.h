// Where each state slot's keys and values lie inside a KV page.
//
// Slots with the same window form a group with pages of its own. A page holds page_tokens tokens of every slot of its
// group: slot after slot, keys then values, each part as kernels/attention/kv_block.h says and aligned to 64 bytes.
#pragma once

#include "graph/cpu/kv_groups.h"
#include "graph/graph.h"
#include "kernels/attention/attention.h"

namespace runnel {

// Raised whenever the bytes of a page come to mean something else, so that snapshots with the older meaning are
// refused.
inline constexpr uint32_t kKvLayoutVersion = 1;

struct KvSlotLayout {
  KvPlace keys = {}, values = {};
  uint32_t group = 0;  // whose pages
};

struct KvLayout {
  std::span<KvSlotLayout> slots;  // one a slot
  KvGroups groups;
  KvTypes types;
};

// Fills slots (as many as the graph's) and groups from groups.page_shift and types. False when a size overflows.
[[nodiscard]] bool lay_out_kv(std::span<const StateSlot> slots, KvLayout* layout) noexcept;

}  // namespace runnel
