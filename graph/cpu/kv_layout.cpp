#include "graph/cpu/kv_layout.h"

#include "kernels/base/checked.h"

namespace runnel {

bool lay_out_kv(std::span<const StateSlot> slots, KvLayout* layout) noexcept {
  const uint64_t element_bytes = kv_element_bytes(layout->type);
  uint64_t end = 0;
  for (size_t i = 0; i < slots.size(); ++i) {
    KvPart& part = layout->parts[i];
    // Bounded by verify_graph and the page size: at most 2^12 * 2^9 * 2^12 * 4.
    part.head_stride = (uint64_t{slots[i].head_dim} * element_bytes) << layout->page_shift;
    uint64_t part_bytes = 0;
    if (!checked_mul<uint64_t>(part.head_stride, slots[i].kv_heads, &part_bytes) ||
        !checked_align<uint64_t>(part_bytes, 64, &part_bytes)) {
      return false;
    }
    part.k_offset = end;
    if (!checked_add(end, part_bytes, &part.v_offset) || !checked_add(part.v_offset, part_bytes, &end)) return false;
  }
  layout->page_bytes = end;
  return true;
}

}  // namespace runnel
