// Where each state slot's keys and values lie inside a KV page.
//
// A page holds page_tokens tokens of every slot: slot after slot, keys then values, each part as
// kernels/attention/kv_block.h says and aligned to 64 bytes.
#pragma once

#include "graph/graph.h"
#include "kernels/attention/attention.h"

namespace runnel {

struct KvSlotLayout {
  KvPlace keys = {}, values = {};
};

struct KvLayout {
  std::span<KvSlotLayout> slots;  // one a slot
  uint64_t page_bytes = 0;
  uint32_t page_shift = 0;
  KvTypes types;
};

// Fills slots (as many as the graph's) and page_bytes from page_shift and types. False when a size overflows.
[[nodiscard]] bool lay_out_kv(std::span<const StateSlot> slots, KvLayout* layout) noexcept;

}  // namespace runnel
