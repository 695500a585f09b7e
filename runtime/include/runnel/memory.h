// What a model's memory is used for while it runs, and how to have some of it back.
#pragma once

#include <stdint.h>

namespace runnel {

// Bytes of KV pages by what they are for: used + cached + free is the pool of the plan.
struct KvUsage {
  uint64_t used_bytes = 0;    // sessions hold them; a page that several share counts once
  uint64_t shared_bytes = 0;  // what would be needed besides if nothing were shared
  uint64_t cached_bytes = 0;  // kept for sessions to come that begin alike; any session that needs pages gets them
  uint64_t free_bytes = 0;
};

// How much Model::trim() gives back; each does what those before it do. Nothing that sessions hold is lost.
enum class TrimLevel : uint8_t {
  prefixes,  // KV pages that no session holds, and the memory behind all unused pages
  // Pages of mapped weights leave this process; the system keeps them in its cache while it has room, and the next step
  // maps them again: it takes longer, by what has to be read anew.
  weights,
};

}  // namespace runnel
