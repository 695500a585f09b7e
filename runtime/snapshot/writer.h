// Writes a session's state as a snapshot, so that at every moment the file is either the previous snapshot or the new
// one.
//
// A file that is not there, or that this session cannot follow on, is written anew: as "<path>.partial", brought to the
// disk, then given its name. A file that holds an earlier state is updated: pages that changed go to places that its
// root does not name, and only when they are on the disk is the other root slot written.
#pragma once

#include "runnel/array.h"
#include "runnel/function_ref.h"
#include "runtime/snapshot/places.h"
#include "runtime/snapshot/root.h"

namespace runnel {

// All borrowed for the call.
struct SnapshotContent {
  const SnapshotKey* key = nullptr;
  std::span<const int32_t> tokens;
  uint32_t computed = 0;
  uint64_t forgotten = 0;
  std::span<const float> logits;  // vocab_size after the last token, or none
  uint64_t generator[4] = {};
  // The page of a block, of page_bytes of its group. Asked for blocks that the last computed token sees.
  FunctionRef<const uint8_t*(uint32_t group, uint32_t block)> page;
  // Blocks before this one hold, bit for bit, what the snapshot of this name has.
  Digest known_name;
  uint32_t known_blocks = 0;
};

// What saving and restoring need besides small buffers: of one session, planned with it.
class SnapshotScratch {
 public:
  // Status: out_of_memory.
  Status init(const SnapshotKey& key, uint32_t context_tokens) noexcept;
  static uint64_t bytes(const SnapshotKey& key, uint32_t context_tokens) noexcept;

  // Room for the table of any session of this context and key.
  Array<SnapshotPage> table, previous;
  SnapshotPlaces places;
  uint64_t pages = 0;  // the tables' capacity
};

struct SnapshotSaved {
  Digest name;
  uint64_t written_bytes = 0;
  uint64_t written_pages = 0;
  bool updated = false;  // the file that was there
};

// On failure the file is as it was, and nothing else is left. Statuses: io (with the path), out_of_memory.
Result<SnapshotSaved> save_snapshot(const char* path, const SnapshotContent& content,
                                    SnapshotScratch* scratch) noexcept;

}  // namespace runnel
