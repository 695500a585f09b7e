// How many KV pages a model's sessions take: pure arithmetic, the same for a plan and for what open() reserves.
//
// State slots with the same window form a group with pages of its own, so that layers with a window can give back what
// left it while the others keep everything. A block is the pages of all groups for the same 2^page_shift tokens.
#pragma once

#include "graph/cpu/kv_groups.h"

namespace runnel {

struct KvDemand {
  uint32_t context_tokens = 0;  // of a session
  uint32_t sessions = 1;
  uint32_t step_tokens = 1;  // most tokens of one step
  uint64_t pool_tokens = 0;  // that all sessions hold together; 0: every session its whole context
};

struct KvPlan {
  uint32_t page_shift = 0;
  uint32_t group_count = 0;
  struct Group {
    uint64_t page_bytes = 0;  // a multiple of 64
    uint32_t window = 0;      // 0: all tokens
    uint32_t session_pages = 0;
    uint32_t pages = 0;  // of all sessions
  } groups[kMaxKvGroups];
  uint32_t blocks = 0;
  // Sessions take pages as they need them, and may find none, instead of having them promised.
  bool on_demand = false;
  uint64_t pool_bytes = 0;   // of all pages
  uint64_t table_bytes = 0;  // of their bookkeeping; page tables of sessions are the sessions'
};

// False when a size overflows.
[[nodiscard]] bool plan_kv(const KvGroups& groups, const KvDemand& demand, KvPlan* plan) noexcept;

// Pages that hold `tokens` tokens.
constexpr uint32_t kv_pages_for(uint32_t tokens, uint32_t page_shift) noexcept {
  return (tokens >> page_shift) + ((tokens & ((1u << page_shift) - 1)) != 0);
}

}  // namespace runnel
