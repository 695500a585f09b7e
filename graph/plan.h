// plan_arena: gives every intermediate of a graph a place in one arena, by lifetime.
//
// Values share memory in two ways. Views (split) are column ranges of the value they come from. An op that allows it
// writes over an input of the same shape that nobody reads afterwards, views of it included. Values that share form a
// buffer; buffers whose lifetimes do not meet may lie at the same bytes. Row counts are the largest a step can have,
// so one plan serves all steps.
#pragma once

#include "graph/graph.h"
#include "graph/tables.h"

namespace runnel {

struct Placement {
  enum class Home : uint8_t {
    weights,  // not planned
    arena,    // `offset` bytes from the arena's begin
    logits,   // `offset` bytes from the begin of the caller's (outputs, vocab) array
  };
  Home home = Home::weights;
  uint64_t offset = 0;
  uint64_t stride = 0;  // floats between rows; a multiple of 16 in the arena
};

struct ArenaLimits {
  uint32_t max_tokens = 0;
  uint32_t max_outputs = 0;
};

class ArenaPlan {
 public:
  ArenaPlan() noexcept = default;
  // Takes the memory that the plan needs from `tables` (or only counts it).
  ArenaPlan(Tables* tables, const Graph& graph) noexcept;

  // Requires: a verified graph, and tables that hold memory. Status: invalid_argument when the arena's size overflows.
  Status make(const Graph& graph, const ArenaLimits& limits) noexcept;

  uint64_t arena_bytes() const noexcept { return arena_bytes_; }
  const Placement& placement(ValueId value) const noexcept { return placements_[value]; }
  // First and last node (indices) that need the bytes of the value's buffer; last = nodes.size() for the logits.
  struct Lifetime {
    uint32_t first, last;
  };
  Lifetime lifetime(ValueId value) const noexcept;

 private:
  static constexpr uint32_t kNone = UINT32_MAX;
  struct Buffer {
    uint32_t first = 0, last = 0;  // nodes
    ValueId head = kNone;          // newest value in it; next_[value] is the one before
    ValueId root = kNone;          // the value that made it
    uint64_t bytes = 0, offset = 0;
    bool is_logits = false;
  };
  struct Member {
    uint32_t buffer = kNone;
    uint32_t column = 0;    // first column in the buffer's rows
    uint32_t last_use = 0;  // node
    ValueId next = kNone;
  };

  void find_last_uses(const Graph& graph) noexcept;
  void join(ValueId value, uint32_t buffer, uint32_t column) noexcept;
  bool can_overwrite(const Graph& graph, uint32_t node, uint32_t input) const noexcept;
  void form_buffers(const Graph& graph) noexcept;
  Status size_buffers(const Graph& graph, const ArenaLimits& limits) noexcept;
  Status place_buffers() noexcept;

  std::span<Placement> placements_;  // by value
  std::span<Member> members_;        // by value
  std::span<Buffer> buffers_;        // in the order of their first node
  std::span<uint32_t> active_;       // buffers alive at the node in hand, by offset
  uint32_t buffer_count_ = 0;
  uint64_t arena_bytes_ = 0;
};

}  // namespace runnel
