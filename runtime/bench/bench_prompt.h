// Prompts for benchmarks: pseudo-random ids, the same ones every time.
#pragma once

#include "runnel/session.h"

namespace runnel {

// `count` ordinary ids spread over the vocabulary. Status: out_of_memory.
Status random_ids(uint32_t count, uint32_t vocab, uint64_t seed, Array<int32_t>* ids) noexcept;
// Makes the session hold `depth` computed tokens, by forgetting some or adding some. Statuses as Session::append().
Status reach_depth(Session& session, uint32_t depth) noexcept;

}  // namespace runnel
