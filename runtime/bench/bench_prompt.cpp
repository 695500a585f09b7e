#include "runtime/bench/bench_prompt.h"

namespace runnel {

Status random_ids(uint32_t count, uint32_t vocab, uint64_t seed, Array<int32_t>* ids) noexcept {
  ids->clear();
  uint64_t state = seed * 0x9e3779b97f4a7c15ull + 1;
  for (uint32_t i = 0; i < count; ++i) {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    if (!ids->push(static_cast<int32_t>((state >> 33) % vocab))) return out_of_memory("bench", "the prompt");
  }
  return {};
}

Status reach_depth(Session& session, uint32_t depth) noexcept {
  if (session.position() > depth) return session.truncate(depth);
  if (session.position() == depth) return {};
  Array<int32_t> ids;
  RUNNEL_TRY(random_ids(depth - session.position(), session.model().info().vocab_size, 7, &ids));
  RUNNEL_TRY(session.append(ids));
  return session.logits().status();
}

}  // namespace runnel
