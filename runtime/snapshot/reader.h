// Reads a snapshot's parts, each against its hash. Nothing is allocated.
//
// Thread rule: any thread.
#pragma once

#include "runnel/array.h"
#include "runnel/function_ref.h"
#include "runtime/kv/page_table.h"
#include "runtime/snapshot/root.h"
#include "runtime/snapshot/snapshot_file.h"

namespace runnel {

// The newest whole root, checked (decode_root), and its own hash, which names the snapshot. Statuses: io, corrupt_file
// (not a snapshot, or damaged), stale_snapshot.
Status read_root(const SnapshotFile& file, const SnapshotKey& key, SnapshotRoot* root, Digest* name) noexcept;

// All bytes of the extent to `out`. corrupt_file, naming `what`, when they are not what was saved.
Status read_extent(const SnapshotFile& file, const SnapshotExtent& extent, const char* what,
                   std::span<uint8_t> out) noexcept;
// The same through a small buffer: `visit` (may be empty) sees the bytes in order, in runs of a multiple of 4, before
// they are known to be right.
Status visit_extent(const SnapshotFile& file, const SnapshotExtent& extent, const char* what,
                    FunctionRef<void(std::span<const uint8_t>)> visit) noexcept;

// The page table into *table, whose capacity suffices, every place checked.
Status read_table(const SnapshotFile& file, const SnapshotRoot& root, Array<SnapshotPage>* table) noexcept;

// Compares all pages with their hashes.
Status check_pages(const SnapshotFile& file, const SnapshotRoot& root, std::span<const SnapshotPage> table) noexcept;
// Makes `pages`, which is empty, hold the computed tokens' keys and values, each page read to where it stays, and
// unchanged since (mark_unchanged). On failure it is to be emptied again. Also: context_full (no page is left).
Status read_pages(const SnapshotFile& file, const SnapshotRoot& root, std::span<const SnapshotPage> table,
                  PageTable* pages) noexcept;

}  // namespace runnel
