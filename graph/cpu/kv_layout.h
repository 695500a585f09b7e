// Where each state slot's keys and values lie inside a KV page.
//
// A page holds page_tokens tokens of every slot: slot after slot, keys then values, each part as
// kernels/attention/attention.h says and aligned to 64 bytes.
#pragma once

#include "graph/graph.h"
#include "kernels/attention/attention.h"

namespace runnel {

struct KvPart {
  uint64_t k_offset = 0, v_offset = 0;  // bytes from the page's begin
  uint64_t head_stride = 0;             // bytes between kv heads
};

struct KvLayout {
  std::span<KvPart> parts;  // one a slot
  uint64_t page_bytes = 0;
  uint32_t page_shift = 0;
  KvType type = KvType::f16;
};

// Fills parts (as many as slots) and page_bytes from page_shift and type. False when a size overflows.
[[nodiscard]] bool lay_out_kv(std::span<const StateSlot> slots, KvLayout* layout) noexcept;

}  // namespace runnel
