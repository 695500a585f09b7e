#include "runtime/kv/kv_plan.h"

#include <algorithm>

#include "kernels/base/checked.h"
#include "kernels/base/memory.h"
#include "runtime/kv/kv_cache.h"

namespace runnel {

bool plan_kv(const KvGroups& groups, const KvDemand& demand, KvPlan* plan) noexcept {
  *plan = {};
  plan->page_shift = groups.page_shift;
  plan->group_count = groups.count;
  const uint32_t whole = kv_pages_for(demand.context_tokens, groups.page_shift);
  const uint64_t promised = uint64_t{whole} * demand.sessions;
  const uint64_t pool_pages =
      (demand.pool_tokens >> groups.page_shift) + ((demand.pool_tokens & ((1u << groups.page_shift) - 1)) != 0);
  plan->on_demand = demand.pool_tokens != 0 && pool_pages < promised;
  const uint64_t blocks = plan->on_demand ? pool_pages : promised;
  if (blocks >= UINT32_MAX) return false;
  plan->blocks = static_cast<uint32_t>(blocks);
  plan->table_bytes = KvCache::block_bytes(groups.page_shift) * blocks;
  for (uint32_t g = 0; g < groups.count; ++g) {
    KvPlan::Group& group = plan->groups[g];
    group.window = groups.groups[g].window;
    group.session_pages = whole;
    if (group.window != 0) {
      // A step sees its own tokens and window - 1 before; they may begin in the middle of a page.
      const uint64_t seen = uint64_t{group.window} + demand.step_tokens;
      const uint64_t pages = (seen >> groups.page_shift) + 2;
      group.session_pages = static_cast<uint32_t>(std::min<uint64_t>(whole, pages));
    }
    const uint64_t pages = std::min(blocks, uint64_t{group.session_pages} * demand.sessions);
    group.pages = static_cast<uint32_t>(pages);
    uint64_t bytes = 0;
    if (!checked_align<uint64_t>(groups.groups[g].page_bytes, kCacheLineBytes, &group.page_bytes) ||
        !checked_mul(group.page_bytes, pages, &bytes) || !checked_add(plan->pool_bytes, bytes, &plan->pool_bytes))
      return false;
    plan->table_bytes += PagePool::table_bytes(group.pages);
  }
  return true;
}

}  // namespace runnel
