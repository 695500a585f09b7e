// In which order the weights of a step pass through memory: blocks of the data region, visited as the nodes come.
//
// A matrix that a node multiplies by panels is streamed. A table whose rows ids select is read by row. Everything else
// (norms, biases, frequencies) is constant: small, and copied once. A block is a run of whole chunks, large enough for
// any panel, so that a panel lies in two blocks at most.
//
// Pure arithmetic over a verified graph. Ownership: owns its tables. Thread rule: const members any thread.
#pragma once

#include "graph/graph.h"
#include "runnel/array.h"
#include "runnel/status.h"
#include "runtime/os/direct_io.h"

namespace runnel {

// The visits of one node: consecutive blocks, numbered on from first_visit. The last one of a node and the first one of
// the next have the same number when they are the same block.
struct NodeVisits {
  static constexpr uint32_t kNone = UINT32_MAX;
  uint32_t tensor = kNone;
  uint32_t panels = 0;
  uint64_t panel_bytes = 0;
  uint64_t begin = 0;  // of the tensor in the data region
  uint64_t first_visit = 0, last_visit = 0;
  uint32_t first_block = 0;
};

class StreamSchedule {
 public:
  static constexpr uint64_t kBlockBytes = 1 << 20;  // enough for a request to reach the device's rate

  // `least_block_bytes` is for tests: with less than a chunk, blocks are not whole chunks, and nothing can be hashed by
  // the way. Status: out_of_memory.
  static Result<StreamSchedule> make(const Graph& graph, uint64_t data_bytes, uint32_t chunk_bytes,
                                     uint64_t least_block_bytes = kBlockBytes) noexcept;

  uint64_t block_bytes() const noexcept { return block_bytes_; }
  uint32_t block_count() const noexcept { return block_count_; }  // of the data region
  bool visits(uint32_t block) const noexcept { return visited_[block] != 0; }
  uint32_t streamed_count() const noexcept { return streamed_count_; }  // different ones that are visited
  uint64_t block_length(uint32_t block) const noexcept {
    const uint64_t begin = block * block_bytes_;
    return data_bytes_ - begin < block_bytes_ ? data_bytes_ - begin : block_bytes_;
  }
  // Room before a block for the part of a panel that the block before it holds; a multiple of kDirectAlignment.
  uint64_t lead_bytes() const noexcept { return lead_bytes_; }
  // Memory that one block takes, its lead included.
  uint64_t slot_bytes() const noexcept;

  std::span<const NodeVisits> nodes() const noexcept { return nodes_; }  // by node of the graph
  uint64_t visit_count() const noexcept { return visit_count_; }
  uint64_t visits_without_outputs() const noexcept { return visits_without_outputs_; }
  // The block of a visit. Requires: visit < visit_count().
  uint32_t block_of(uint64_t visit) const noexcept;

  // Where a constant's copy begins in constant_bytes(); kNotConstant for all other tensors.
  static constexpr uint64_t kNotConstant = UINT64_MAX;
  uint64_t constant_at(uint32_t tensor) const noexcept { return constants_[tensor]; }
  uint64_t constant_bytes() const noexcept { return constant_bytes_; }
  uint64_t widest_table_panel() const noexcept { return table_panel_bytes_; }  // 0: no table is read by row
  uint64_t table_bytes() const noexcept;                                       // private bytes of this object

  // The blocks to pin when `count` of the streamed ones can be: spread evenly over the order of the visits, so that the
  // reader finds work while pinned blocks are computed with. Fills pinned[block] with 0, 1, ... or kNotPinned.
  static constexpr uint32_t kNotPinned = UINT32_MAX;
  [[nodiscard]] bool pin(uint32_t count, Array<uint32_t>* pinned) const noexcept;

 private:
  StreamSchedule() noexcept = default;

  uint64_t data_bytes_ = 0, block_bytes_ = 0, lead_bytes_ = 0;
  uint32_t block_count_ = 0, streamed_count_ = 0;
  Array<NodeVisits> nodes_;
  Array<uint8_t> visited_;    // by block
  Array<uint32_t> visitors_;  // nodes with visits, in order
  uint64_t visit_count_ = 0, visits_without_outputs_ = 0;
  Array<uint64_t> constants_;  // by tensor
  uint64_t constant_bytes_ = 0, table_panel_bytes_ = 0;
};

}  // namespace runnel
