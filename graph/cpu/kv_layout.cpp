#include "graph/cpu/kv_layout.h"

#include "kernels/base/checked.h"

namespace runnel {
namespace {

// Places the keys or values of a slot at *end, which moves behind them.
bool place(const StateSlot& slot, KvType type, uint32_t page_shift, KvPlace* place, uint64_t* end) noexcept {
  // Bounded by verify_graph and the page size: at most 2^8 blocks * 2^9 * 2^6.
  place->head_stride = uint64_t{kv_block_bytes(type, slot.head_dim)} << page_shift >> kMinPageShift;
  uint64_t bytes = 0;
  if (!checked_mul<uint64_t>(place->head_stride, slot.kv_heads, &bytes) ||
      !checked_align<uint64_t>(bytes, 64, &bytes)) {
    return false;
  }
  place->offset = *end;
  return checked_add(*end, bytes, end);
}

}  // namespace

bool lay_out_kv(std::span<const StateSlot> slots, KvLayout* layout) noexcept {
  uint64_t end = 0;
  for (size_t i = 0; i < slots.size(); ++i) {
    KvSlotLayout& slot = layout->slots[i];
    if (!place(slots[i], layout->types.keys, layout->page_shift, &slot.keys, &end) ||
        !place(slots[i], layout->types.values, layout->page_shift, &slot.values, &end)) {
      return false;
    }
  }
  layout->page_bytes = end;
  return true;
}

}  // namespace runnel
