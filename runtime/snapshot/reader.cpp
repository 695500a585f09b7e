#include "runtime/snapshot/reader.h"

#include <algorithm>
#include <cstring>

namespace runnel {
namespace {

// A piece is hashed while the cache still has it from reading.
constexpr size_t kPieceBytes = 128 << 10;
constexpr size_t kBufferBytes = 16 << 10;  // on the stack
constexpr char kPages[] = "its KV pages";

Status compare(Sha256* hash, const Digest& expected, const char* what) noexcept {
  Digest found;
  if (!hash->finish(&found)) return Status::error(Code::out_of_memory, "no memory for a hash");
  if (found == expected) return {};
  return Status::error(Code::corrupt_file, "%s do not match their hash: the file is damaged", what);
}

}  // namespace

Status read_root(const SnapshotFile& file, const SnapshotKey& key, SnapshotRoot* root, Digest* name) noexcept {
  uint8_t newest[kSnapshotRootBytes];
  bool is_snapshot = false, found = false;
  for (uint64_t slot = 0; slot < 2; ++slot) {
    uint8_t bytes[kSnapshotRootBytes];
    const uint64_t at = slot * kSnapshotSlotBytes;
    if (file.bytes() < at + sizeof bytes) break;
    RUNNEL_TRY(file.read_at(at, bytes));
    is_snapshot = is_snapshot || has_snapshot_magic(bytes);
    // In the other's slot it would be overwritten by the save that follows on it.
    if (!is_whole_root(bytes) || root_generation(bytes) % 2 != slot) continue;
    if (found && root_generation(bytes) < root_generation(newest)) continue;
    std::memcpy(newest, bytes, sizeof newest);
    found = true;
  }
  if (!is_snapshot) return Status::error(Code::corrupt_file, "is no snapshot");
  if (!found) return Status::error(Code::corrupt_file, "its root does not match its hash: the file is damaged");
  std::memcpy(name->bytes, newest + sizeof newest - sizeof name->bytes, sizeof name->bytes);
  return decode_root(newest, key, file.bytes(), root);
}

Status read_extent(const SnapshotFile& file, const SnapshotExtent& extent, const char* what,
                   std::span<uint8_t> out) noexcept {
  Sha256 hash;
  for (size_t done = 0; done < out.size();) {
    const std::span<uint8_t> piece = out.subspan(done, std::min(kPieceBytes, out.size() - done));
    RUNNEL_TRY(file.read_at(extent.offset + done, piece));
    hash.update(piece);
    done += piece.size();
  }
  return compare(&hash, extent.hash, what);
}

Status visit_extent(const SnapshotFile& file, const SnapshotExtent& extent, const char* what,
                    FunctionRef<void(std::span<const uint8_t>)> visit) noexcept {
  Sha256 hash;
  alignas(8) uint8_t buffer[kBufferBytes];
  for (uint64_t done = 0; done < extent.bytes;) {
    const std::span<uint8_t> piece(buffer, static_cast<size_t>(std::min<uint64_t>(sizeof buffer, extent.bytes - done)));
    RUNNEL_TRY(file.read_at(extent.offset + done, piece));
    hash.update(piece);
    if (visit) visit(piece);
    done += piece.size();
  }
  return compare(&hash, extent.hash, what);
}

Status read_table(const SnapshotFile& file, const SnapshotRoot& root, Array<SnapshotPage>* table) noexcept {
  const size_t pages = static_cast<size_t>(root.table.bytes / sizeof(SnapshotPage));
  table->clear();
  (void)table->resize(pages);  // its capacity suffices
  RUNNEL_TRY(read_extent(file, root.table, "its page table's bytes",
                         {reinterpret_cast<uint8_t*>(table->data()), pages * sizeof(SnapshotPage)}));
  size_t at = 0;
  for (uint32_t block = 0; block < snapshot_blocks(root); ++block) {
    for (uint32_t g = 0; g < root.key.group_count; ++g) {
      if (block < root.first_block[g]) continue;
      if (!is_good_page((*table)[at++], root.key.groups[g].page_bytes, root))
        return Status::error(Code::corrupt_file, "its page table has a bad place for page %u", block);
    }
  }
  return {};
}

Status check_pages(const SnapshotFile& file, const SnapshotRoot& root, std::span<const SnapshotPage> table) noexcept {
  size_t at = 0;
  for (uint32_t block = 0; block < snapshot_blocks(root); ++block) {
    for (uint32_t g = 0; g < root.key.group_count; ++g) {
      if (block < root.first_block[g]) continue;
      const SnapshotPage& page = table[at++];
      RUNNEL_TRY(visit_extent(file, {page.offset, root.key.groups[g].page_bytes, page.hash}, kPages, {}));
    }
  }
  return {};
}

Status read_pages(const SnapshotFile& file, const SnapshotRoot& root, std::span<const SnapshotPage> table,
                  PageTable* pages) noexcept {
  const uint32_t page_tokens = 1u << root.key.page_shift;
  size_t at = 0;
  for (uint32_t block = 0; block < snapshot_blocks(root); ++block) {
    // As steps of one block each would: what a window has left behind by then is given back, and was never read.
    const uint32_t first = block << root.key.page_shift;
    RUNNEL_TRY(pages->cover(first, std::min(root.computed, first + page_tokens)));
    for (uint32_t g = 0; g < root.key.group_count; ++g) {
      if (block < root.first_block[g]) continue;
      const SnapshotPage& page = table[at++];
      const auto bytes = static_cast<size_t>(root.key.groups[g].page_bytes);
      RUNNEL_TRY(read_extent(file, {page.offset, bytes, page.hash}, kPages, {pages->pages()[g][block], bytes}));
    }
  }
  RUNNEL_TRY(pages->cover(root.computed, root.computed));
  pages->mark_unchanged();
  return {};
}

}  // namespace runnel
