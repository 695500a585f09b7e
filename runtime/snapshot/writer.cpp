#include "runtime/snapshot/writer.h"

#include <algorithm>
#include <cstring>

#include "graph/file/output_file.h"
#include "kernels/base/checked.h"
#include "runtime/snapshot/reader.h"

namespace runnel {
namespace {

using Write = FunctionRef<Status(uint64_t offset, std::span<const uint8_t> bytes)>;

template <class T>
std::span<const uint8_t> bytes_of(std::span<const T> values) noexcept {
  return {reinterpret_cast<const uint8_t*>(values.data()), values.size_bytes()};
}

// Places are counted in units of the smallest page, so that with one group of pages every free place fits every page.
uint64_t unit_bytes(const SnapshotKey& key) noexcept {
  uint64_t least = key.group_count == 0 ? 0 : key.groups[0].page_bytes;
  for (uint32_t g = 1; g < key.group_count; ++g) least = std::min(least, key.groups[g].page_bytes);
  return round_up<uint64_t>(std::max<uint64_t>(least, 1), kSnapshotPageAlignment);
}

// Tokens, table and logits, one behind the other.
uint64_t state_bytes(uint64_t tokens, uint64_t pages, uint64_t logits) noexcept {
  return pages * sizeof(SnapshotPage) + tokens * sizeof(int32_t) + logits * sizeof(float);
}

// For the state that is and the one to come, each at its largest, and some for odd ends.
struct ScratchSize {
  uint64_t pages = 0, units = 0;
  ScratchSize(const SnapshotKey& key, uint32_t context_tokens) noexcept {
    const uint64_t blocks = snapshot_blocks(context_tokens, key.page_shift), unit = unit_bytes(key);
    for (uint32_t g = 0; g < key.group_count; ++g) {
      pages += blocks;
      units += blocks * ceil_div(key.groups[g].page_bytes, unit);
    }
    units = 2 * (units + ceil_div(state_bytes(context_tokens, pages, key.vocab_size), unit)) + 64;
  }
};

// What is in the file that is to be updated.
struct Previous {
  SnapshotRoot root;
  Digest name;
  uint32_t common_tokens = 0;  // how many of the tokens are the same
};

// Fills scratch->previous and takes its places. Any failure means: write it anew.
Status read_previous(const SnapshotFile& file, const SnapshotContent& content, SnapshotScratch* scratch,
                     Previous* previous) noexcept {
  const SnapshotRoot& root = previous->root;
  RUNNEL_TRY(read_root(file, *content.key, &previous->root, &previous->name));
  if (root.table.bytes / sizeof(SnapshotPage) > scratch->pages)
    return Status::error(Code::unsupported, "the file is of a longer context");
  RUNNEL_TRY(read_table(file, root, &scratch->previous));
  bool same = true;
  const auto compare_tokens = [&](std::span<const uint8_t> piece) {
    for (size_t i = 0; i < piece.size() && same; i += sizeof(int32_t)) {
      int32_t id;
      std::memcpy(&id, piece.data() + i, sizeof id);
      same = previous->common_tokens < content.tokens.size() && content.tokens[previous->common_tokens] == id;
      previous->common_tokens += same;
    }
  };
  RUNNEL_TRY(visit_extent(file, root.token_ids, "its tokens", compare_tokens));
  bool fits = scratch->places.take(root.token_ids.offset, root.token_ids.bytes) &&
              scratch->places.take(root.table.offset, root.table.bytes) &&
              scratch->places.take(root.logits.offset, root.logits.bytes);
  size_t at = 0;
  for (uint32_t block = 0; block < snapshot_blocks(root); ++block) {
    for (uint32_t g = 0; g < root.key.group_count; ++g) {
      if (block < root.first_block[g]) continue;
      fits = fits && scratch->places.take(scratch->previous[at++].offset, root.key.groups[g].page_bytes);
    }
  }
  return fits ? Status() : Status::error(Code::unsupported, "the file has grown too long");
}

class Saving {
 public:
  Saving(const SnapshotContent& content, SnapshotScratch* scratch, Write write) noexcept
      : content_(content), scratch_(*scratch), write_(write) {}

  // Everything but the root. `previous` may be null.
  Status write_parts(const Previous* previous) noexcept {
    root_.generation = previous == nullptr ? 1 : previous->root.generation + 1;
    root_.file_bytes = kSnapshotDataBegin;
    root_.key = *content_.key;
    root_.tokens = static_cast<uint32_t>(content_.tokens.size());
    root_.computed = content_.computed;
    root_.forgotten = content_.forgotten;
    std::copy_n(content_.generator, 4, root_.generator);
    for (uint32_t g = 0; g < root_.key.group_count; ++g) {
      root_.first_block[g] = snapshot_first_block(root_.key.groups[g].window, content_.computed, root_.key.page_shift);
    }
    scratch_.table.clear();
    for (uint32_t block = 0; block < snapshot_blocks(root_); ++block) {
      size_t before = previous == nullptr ? 0 : static_cast<size_t>(snapshot_pages_before(previous->root, block));
      for (uint32_t g = 0; g < root_.key.group_count; ++g) {
        const SnapshotPage* saved = nullptr;
        if (previous != nullptr && block < snapshot_blocks(previous->root) && block >= previous->root.first_block[g])
          saved = &scratch_.previous[before++];
        if (block >= root_.first_block[g]) RUNNEL_TRY(write_page(g, block, saved, is_known(previous, block)));
      }
    }
    return write_state();
  }
  // Where its generation belongs.
  Status write_root() noexcept {
    uint8_t bytes[kSnapshotRootBytes];
    if (!encode_root(root_, bytes)) return out_of_memory("snapshot", "a hash");
    std::memcpy(saved_.name.bytes, bytes + sizeof bytes - sizeof saved_.name.bytes, sizeof saved_.name.bytes);
    return write_run(root_.generation % 2 * kSnapshotSlotBytes, bytes);
  }
  uint64_t file_bytes() const noexcept { return root_.file_bytes; }
  const SnapshotSaved& saved() const noexcept { return saved_; }
  bool no_place() const noexcept { return no_place_; }  // why it failed

 private:
  // Tokens are compared as well: what the session believes to know is no reason to save another's page.
  bool is_known(const Previous* previous, uint32_t block) const noexcept {
    return previous != nullptr && block < content_.known_blocks && previous->name == content_.known_name &&
           (uint64_t{block} + 1) << root_.key.page_shift <= previous->common_tokens;
  }
  Status write_page(uint32_t group, uint32_t block, const SnapshotPage* saved, bool known) noexcept {
    const uint64_t page_bytes = root_.key.groups[group].page_bytes;
    SnapshotPage page;
    if (saved != nullptr) page = *saved;
    if (saved == nullptr || !known) {
      const uint8_t* data = content_.page(group, block);
      if (data == nullptr) return Status::error(Code::internal, "page %u of group %u is missing", block, group);
      const std::span<const uint8_t> bytes(data, static_cast<size_t>(page_bytes));
      if (!sha256(bytes, &page.hash)) return out_of_memory("snapshot", "a hash");
      if (saved == nullptr || page.hash != saved->hash) {
        RUNNEL_TRY(find(page_bytes, &page.offset));
        RUNNEL_TRY(write_run(page.offset, bytes));
        ++saved_.written_pages;
      }
    }
    root_.file_bytes = std::max(root_.file_bytes, page.offset + page_bytes);
    (void)scratch_.table.push(page);  // its capacity is the context's
    return {};
  }
  Status write_state() noexcept {
    const std::span<const SnapshotPage> table = scratch_.table;
    uint64_t at = 0;
    RUNNEL_TRY(find(state_bytes(content_.tokens.size(), table.size(), content_.logits.size()), &at));
    RUNNEL_TRY(write_extent(&at, bytes_of(table), &root_.table));
    RUNNEL_TRY(write_extent(&at, bytes_of(content_.tokens), &root_.token_ids));
    return write_extent(&at, bytes_of(content_.logits), &root_.logits);
  }
  Status write_extent(uint64_t* at, std::span<const uint8_t> bytes, SnapshotExtent* extent) noexcept {
    // Nothing is nowhere: a place that is never written need not be in the file.
    extent->offset = bytes.empty() ? kSnapshotDataBegin : *at;
    extent->bytes = bytes.size();
    if (!sha256(bytes, &extent->hash)) return out_of_memory("snapshot", "a hash");
    if (bytes.empty()) return {};
    *at += bytes.size();
    root_.file_bytes = std::max(root_.file_bytes, *at);
    return write_run(extent->offset, bytes);
  }
  Status find(uint64_t bytes, uint64_t* offset) noexcept {
    if (scratch_.places.find(bytes, offset)) return {};
    no_place_ = true;
    return Status::error(Code::internal, "snapshot: no place is left in the file");
  }
  Status write_run(uint64_t offset, std::span<const uint8_t> bytes) noexcept {
    saved_.written_bytes += bytes.size();
    return write_(offset, bytes);
  }

  const SnapshotContent& content_;
  SnapshotScratch& scratch_;
  Write write_;
  SnapshotRoot root_;
  SnapshotSaved saved_;
  bool no_place_ = false;
};

Result<SnapshotSaved> write_anew(const char* path, const SnapshotContent& content, SnapshotScratch* scratch) noexcept {
  RUNNEL_ASSIGN(OutputFile file, OutputFile::create(path, "snapshot"));
  scratch->places.clear();
  const auto write = [&](uint64_t offset, std::span<const uint8_t> bytes) { return file.write_at(offset, bytes); };
  Saving saving(content, scratch, write);
  RUNNEL_TRY(saving.write_parts(nullptr));
  // Both slots get their place on the disk now: an update's last write needs no more room.
  const uint8_t zeros[kSnapshotRootBytes] = {};
  RUNNEL_TRY(file.write_at(0, zeros));
  RUNNEL_TRY(saving.write_root());
  RUNNEL_TRY(file.resize(saving.file_bytes()));
  RUNNEL_TRY(file.sync());
  RUNNEL_TRY(file.publish());
  file.sync_folder();
  return saving.saved();
}

// Requires: scratch has the previous table and places.
Status update(SnapshotFile* file, const Previous& previous, Saving* saving) noexcept {
  Status status = saving->write_parts(&previous);
  if (status.ok()) status = file->sync();
  if (!status.ok()) {
    (void)file->resize(file->bytes());  // what was added has no meaning
    return status;
  }
  RUNNEL_TRY(saving->write_root());
  RUNNEL_TRY(file->sync());
  // What lies behind the new state's end is the old one's; that it takes room is no reason to fail.
  if (saving->file_bytes() < file->bytes()) (void)file->resize(saving->file_bytes());
  return {};
}

}  // namespace

uint64_t SnapshotScratch::bytes(const SnapshotKey& key, uint32_t context_tokens) noexcept {
  const ScratchSize size(key, context_tokens);
  return 2 * size.pages * sizeof(SnapshotPage) + SnapshotPlaces::bytes(size.units);
}

Status SnapshotScratch::init(const SnapshotKey& key, uint32_t context_tokens) noexcept {
  const ScratchSize size(key, context_tokens);
  pages = size.pages;
  // reserve, not resize: what is never used is never touched.
  if (!table.reserve(static_cast<size_t>(pages)) || !previous.reserve(static_cast<size_t>(pages)) ||
      !places.init(size.units, unit_bytes(key)))
    return out_of_memory("session", "the tables of its snapshots");
  return {};
}

Result<SnapshotSaved> save_snapshot(const char* path, const SnapshotContent& content,
                                    SnapshotScratch* scratch) noexcept {
  {
    auto file = SnapshotFile::open(path, SnapshotFile::Use::update);
    if (!file.ok()) return std::move(file).status().with_context("snapshot: %s", path);
    Previous previous;
    scratch->places.clear();
    if (file->exists() && read_previous(*file, content, scratch, &previous).ok()) {
      const auto write = [&](uint64_t offset, std::span<const uint8_t> bytes) { return file->write_at(offset, bytes); };
      Saving saving(content, scratch, write);
      Status status = update(&*file, previous, &saving);
      if (!status.ok() && !saving.no_place()) return std::move(status).with_context("snapshot: %s", path);
      if (status.ok()) {
        SnapshotSaved saved = saving.saved();
        saved.updated = true;
        return saved;
      }
    }
  }
  return write_anew(path, content, scratch);
}

}  // namespace runnel
