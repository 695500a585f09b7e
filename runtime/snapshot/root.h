// The root of a snapshot file: what the session was, what it must match, and where its parts lie.
// docs/snapshot_format.md describes the bytes.
//
//   0      root slot of even generations        places from 8192 on hold KV pages, and the state: tokens, the table of
//   4096   root slot of odd generations         pages, logits. A root is the newest whose own hash is right.
//
// Thread rule: values.
#pragma once

#include <cstdint>
#include <span>

#include "graph/file/sha256.h"
#include "runnel/status.h"

namespace runnel {

inline constexpr uint32_t kSnapshotVersion = 1;
inline constexpr size_t kSnapshotRootBytes = 512;
inline constexpr uint64_t kSnapshotSlotBytes = 4096;
inline constexpr uint64_t kSnapshotDataBegin = 2 * kSnapshotSlotBytes;
inline constexpr uint64_t kSnapshotPageAlignment = 4096;  // of a page's place
inline constexpr uint32_t kMaxSnapshotGroups = 4;
inline constexpr uint32_t kMaxSnapshotTokens = 1u << 24;

// What a session and a snapshot must have in common: KV pages mean something only to the model that computed them, in
// the layout they were written in, and follow only from the same arithmetic.
struct SnapshotKey {
  Digest model;            // ModelInfo::hash
  uint32_t kv_layout = 0;  // kKvLayoutVersion
  uint8_t key_type = 0, value_type = 0;
  uint8_t activations = 0, float_backend = 0;
  uint32_t page_shift = 0;
  uint32_t vocab_size = 0;
  uint32_t group_count = 0;
  struct Group {
    uint64_t page_bytes = 0;
    uint32_t window = 0;  // tokens that the group's layers look back, the own one included; 0: all
    bool operator==(const Group&) const = default;
  } groups[kMaxSnapshotGroups];
};

// A run of bytes of the file and its SHA-256.
struct SnapshotExtent {
  uint64_t offset = 0, bytes = 0;
  Digest hash;
};

struct SnapshotRoot {
  uint64_t generation = 0;  // of this file, counted by saves
  uint64_t file_bytes = 0;  // the file is at least so long
  SnapshotKey key;
  uint32_t first_block[kMaxSnapshotGroups] = {};  // of each group: blocks before it have left the window
  uint32_t tokens = 0;
  uint32_t computed = 0;  // of the tokens: those whose keys and values are in pages
  uint64_t generator[4] = {};
  uint64_t forgotten = 0;    // tokens that slid out before
  SnapshotExtent token_ids;  // int32 each
  SnapshotExtent table;      // a SnapshotPage for each block and each group that has it, in this order
  SnapshotExtent logits;     // float32 each, after the last token; no bytes: not known
};

// One page's place in the file, as it lies in the table. page_bytes of its group are there.
struct SnapshotPage {
  uint64_t offset = 0;
  Digest hash;
};
static_assert(sizeof(SnapshotPage) == 40);

constexpr uint32_t snapshot_blocks(uint32_t computed, uint32_t page_shift) noexcept {
  return (computed >> page_shift) + ((computed & ((1u << page_shift) - 1)) != 0);
}
// The first block that the last of `computed` tokens sees, and so the first that the next one can.
constexpr uint32_t snapshot_first_block(uint32_t window, uint32_t computed, uint32_t page_shift) noexcept {
  return window == 0 || computed <= window ? 0 : (computed - window) >> page_shift;
}
// Pages of blocks before `block`, of all groups: where the table has the block's first page.
uint64_t snapshot_pages_before(const SnapshotRoot& root, uint32_t block) noexcept;
inline uint32_t snapshot_blocks(const SnapshotRoot& root) noexcept {
  return snapshot_blocks(root.computed, root.key.page_shift);
}

// `out` is kSnapshotRootBytes, all written. False when no memory is left for the hash.
[[nodiscard]] bool encode_root(const SnapshotRoot& root, uint8_t* out) noexcept;

// Whether `bytes` begin with the magic of a snapshot; and with a root whose hash is right, of any version.
bool has_snapshot_magic(std::span<const uint8_t> bytes) noexcept;
bool is_whole_root(std::span<const uint8_t, kSnapshotRootBytes> bytes) noexcept;
// Requires: is_whole_root(). The generation stays in its place in all versions.
uint64_t root_generation(std::span<const uint8_t, kSnapshotRootBytes> bytes) noexcept;

// From a whole root to one whose every field is in range and in agreement with the others, with the file's size and
// with `key`. Statuses: stale_snapshot (another version, model or setting; the message says which), corrupt_file.
Status decode_root(std::span<const uint8_t, kSnapshotRootBytes> bytes, const SnapshotKey& key, uint64_t file_bytes,
                   SnapshotRoot* root) noexcept;

// A page's place: in the file, behind the roots, aligned.
bool is_good_page(const SnapshotPage& page, uint64_t page_bytes, const SnapshotRoot& root) noexcept;

}  // namespace runnel
