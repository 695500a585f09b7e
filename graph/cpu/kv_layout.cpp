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

// The group of a window, made if it is new. The widest group takes what is left when there are too many windows: it
// keeps more than they need.
uint32_t group_of(uint32_t window, KvGroups* groups) noexcept {
  const auto wider = [](uint32_t a, uint32_t b) { return b != 0 && (a == 0 || a > b); };
  uint32_t widest = 0;
  for (uint32_t g = 0; g < groups->count; ++g) {
    if (groups->groups[g].window == window) return g;
    if (wider(groups->groups[g].window, groups->groups[widest].window)) widest = g;
  }
  if (groups->count < kMaxKvGroups) {
    groups->groups[groups->count].window = window;
    return groups->count++;
  }
  if (wider(window, groups->groups[widest].window)) groups->groups[widest].window = window;
  return widest;
}

}  // namespace

bool lay_out_kv(std::span<const StateSlot> slots, KvLayout* layout) noexcept {
  KvGroups& groups = layout->groups;
  for (size_t i = 0; i < slots.size(); ++i) {
    KvSlotLayout& slot = layout->slots[i];
    slot.group = group_of(slots[i].window, &groups);
    uint64_t& end = groups.groups[slot.group].page_bytes;
    if (!place(slots[i], layout->types.keys, groups.page_shift, &slot.keys, &end) ||
        !place(slots[i], layout->types.values, groups.page_shift, &slot.values, &end)) {
      return false;
    }
  }
  return true;
}

}  // namespace runnel
