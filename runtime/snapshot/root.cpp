#include "runtime/snapshot/root.h"

#include <algorithm>
#include <cstring>

#include "kernels/base/checked.h"
#include "kernels/base/fields.h"

namespace runnel {
namespace {

constexpr uint8_t kMagic[8] = {0x89, 'R', 'N', 'S', '\r', '\n', 0x1a, '\n'};

// Where each field lies.
constexpr size_t kVersionAt = 8, kRootBytesAt = 12, kGenerationAt = 16, kFileBytesAt = 24, kModelAt = 32,
                 kLayoutAt = 64, kKeyTypeAt = 68, kValueTypeAt = 69, kActivationsAt = 70, kBackendAt = 71,
                 kPageShiftAt = 72, kVocabAt = 76, kGroupCountAt = 80, kGroupsAt = 88, kGroupBytes = 16,
                 kTokensAt = 152, kComputedAt = 156, kGeneratorAt = 160, kTokenIdsAt = 192, kTableAt = 240,
                 kLogitsAt = 288, kForgottenAt = 336, kHashAt = kSnapshotRootBytes - sizeof(Digest);

void put_extent(uint8_t* out, size_t at, const SnapshotExtent& extent) noexcept {
  put(out, at, extent.offset);
  put(out, at + 8, extent.bytes);
  put(out, at + 16, extent.hash);
}
SnapshotExtent get_extent(const uint8_t* in, size_t at) noexcept {
  return {get<uint64_t>(in, at), get<uint64_t>(in, at + 8), get<Digest>(in, at + 16)};
}

Status corrupt(const char* what) noexcept { return Status::error(Code::corrupt_file, "its root has a bad %s", what); }

Status stale(const char* what, uint64_t saved, uint64_t here) noexcept {
  return Status::error(Code::stale_snapshot, "saved with another %s: %llu, this session has %llu", what,
                       static_cast<unsigned long long>(saved), static_cast<unsigned long long>(here));
}

Status match(const SnapshotKey& saved, const SnapshotKey& here) noexcept {
  if (saved.model != here.model)
    return Status::error(Code::stale_snapshot, "it is of another model: hash %.12s..., this session's is %.12s...",
                         hex(saved.model).text, hex(here.model).text);
  if (saved.kv_layout != here.kv_layout) return stale("layout of KV pages", saved.kv_layout, here.kv_layout);
  if (saved.key_type != here.key_type) return stale("type of keys", saved.key_type, here.key_type);
  if (saved.value_type != here.value_type) return stale("type of values", saved.value_type, here.value_type);
  if (saved.activations != here.activations)
    return stale("setting of activations", saved.activations, here.activations);
  if (saved.float_backend != here.float_backend)
    return stale("float back end", saved.float_backend, here.float_backend);
  if (saved.page_shift != here.page_shift)
    return stale("page size in powers of two", saved.page_shift, here.page_shift);
  if (saved.vocab_size != here.vocab_size) return stale("vocabulary size", saved.vocab_size, here.vocab_size);
  if (saved.group_count != here.group_count) return stale("number of page groups", saved.group_count, here.group_count);
  for (uint32_t g = 0; g < here.group_count; ++g) {
    if (saved.groups[g].page_bytes != here.groups[g].page_bytes)
      return stale("number of bytes a KV page", saved.groups[g].page_bytes, here.groups[g].page_bytes);
    if (saved.groups[g].window != here.groups[g].window)
      return stale("attention window", saved.groups[g].window, here.groups[g].window);
  }
  return {};
}

// `bytes` is what the extent must have.
bool is_good(const SnapshotExtent& extent, uint64_t bytes, const SnapshotRoot& root) noexcept {
  return extent.bytes == bytes && (bytes == 0 || extent.offset >= kSnapshotDataBegin) &&
         range_fits(extent.offset, extent.bytes, root.file_bytes);
}

Status check_fields(const SnapshotRoot& root, uint64_t file_bytes) noexcept {
  if (root.generation == 0 || root.generation == UINT64_MAX) return corrupt("generation");  // the next one counts on
  if (root.file_bytes < kSnapshotDataBegin) return corrupt("file size");
  if (root.file_bytes > file_bytes)
    return Status::error(Code::corrupt_file, "it is cut short: %llu bytes of %llu",
                         static_cast<unsigned long long>(file_bytes), static_cast<unsigned long long>(root.file_bytes));
  if (root.tokens > kMaxSnapshotTokens || root.computed > root.tokens) return corrupt("number of tokens");
  for (uint32_t g = 0; g < root.key.group_count; ++g) {
    if (root.first_block[g] != snapshot_first_block(root.key.groups[g].window, root.computed, root.key.page_shift))
      return corrupt("first block");
  }
  // xoshiro's one state that it never leaves.
  if ((root.generator[0] | root.generator[1] | root.generator[2] | root.generator[3]) == 0)
    return corrupt("generator state");
  if (!is_good(root.token_ids, uint64_t{root.tokens} * sizeof(int32_t), root)) return corrupt("place of the tokens");
  // At most 2^20 blocks of 4 pages: no overflow.
  const uint64_t pages = snapshot_pages_before(root, snapshot_blocks(root));
  if (!is_good(root.table, pages * sizeof(SnapshotPage), root)) return corrupt("place of the page table");
  const bool has_logits = root.logits.bytes != 0;
  if (has_logits && (root.tokens == 0 || root.computed != root.tokens)) return corrupt("number of tokens");
  if (!is_good(root.logits, has_logits ? uint64_t{root.key.vocab_size} * sizeof(float) : 0, root))
    return corrupt("place of the logits");
  return {};
}

}  // namespace

uint64_t snapshot_pages_before(const SnapshotRoot& root, uint32_t block) noexcept {
  uint64_t pages = 0;
  for (uint32_t g = 0; g < root.key.group_count; ++g) {
    pages += block > root.first_block[g] ? block - root.first_block[g] : 0;
  }
  return pages;
}

bool encode_root(const SnapshotRoot& root, uint8_t* out) noexcept {
  std::memset(out, 0, kSnapshotRootBytes);
  std::memcpy(out, kMagic, sizeof kMagic);
  put(out, kVersionAt, kSnapshotVersion);
  put(out, kRootBytesAt, static_cast<uint32_t>(kSnapshotRootBytes));
  put(out, kGenerationAt, root.generation);
  put(out, kFileBytesAt, root.file_bytes);
  put(out, kModelAt, root.key.model);
  put(out, kLayoutAt, root.key.kv_layout);
  put(out, kKeyTypeAt, root.key.key_type);
  put(out, kValueTypeAt, root.key.value_type);
  put(out, kActivationsAt, root.key.activations);
  put(out, kBackendAt, root.key.float_backend);
  put(out, kPageShiftAt, root.key.page_shift);
  put(out, kVocabAt, root.key.vocab_size);
  put(out, kGroupCountAt, root.key.group_count);
  for (uint32_t g = 0; g < root.key.group_count; ++g) {
    put(out, kGroupsAt + g * kGroupBytes, root.key.groups[g].page_bytes);
    put(out, kGroupsAt + g * kGroupBytes + 8, root.key.groups[g].window);
    put(out, kGroupsAt + g * kGroupBytes + 12, root.first_block[g]);
  }
  put(out, kTokensAt, root.tokens);
  put(out, kComputedAt, root.computed);
  std::memcpy(out + kGeneratorAt, root.generator, sizeof root.generator);
  put(out, kForgottenAt, root.forgotten);
  put_extent(out, kTokenIdsAt, root.token_ids);
  put_extent(out, kTableAt, root.table);
  put_extent(out, kLogitsAt, root.logits);
  Digest hash;
  const bool ok = sha256({out, kHashAt}, &hash);
  put(out, kHashAt, hash);
  return ok;
}

bool has_snapshot_magic(std::span<const uint8_t> bytes) noexcept {
  return bytes.size() >= sizeof kMagic && std::memcmp(bytes.data(), kMagic, sizeof kMagic) == 0;
}

bool is_whole_root(std::span<const uint8_t, kSnapshotRootBytes> bytes) noexcept {
  Digest hash;
  return has_snapshot_magic(bytes) && sha256(bytes.first(kHashAt), &hash) &&
         std::memcmp(bytes.data() + kHashAt, hash.bytes, sizeof hash.bytes) == 0;
}

uint64_t root_generation(std::span<const uint8_t, kSnapshotRootBytes> bytes) noexcept {
  return get<uint64_t>(bytes.data(), kGenerationAt);
}

Status decode_root(std::span<const uint8_t, kSnapshotRootBytes> bytes, const SnapshotKey& key, uint64_t file_bytes,
                   SnapshotRoot* root) noexcept {
  const uint8_t* in = bytes.data();
  const auto version = get<uint32_t>(in, kVersionAt);
  if (version != kSnapshotVersion)
    return Status::error(Code::stale_snapshot, "it has version %u of the format, this runtime reads version %u",
                         version, kSnapshotVersion);
  if (get<uint32_t>(in, kRootBytesAt) != kSnapshotRootBytes) return corrupt("size");
  root->generation = get<uint64_t>(in, kGenerationAt);
  root->file_bytes = get<uint64_t>(in, kFileBytesAt);
  root->key.model = get<Digest>(in, kModelAt);
  root->key.kv_layout = get<uint32_t>(in, kLayoutAt);
  root->key.key_type = in[kKeyTypeAt];
  root->key.value_type = in[kValueTypeAt];
  root->key.activations = in[kActivationsAt];
  root->key.float_backend = in[kBackendAt];
  root->key.page_shift = get<uint32_t>(in, kPageShiftAt);
  root->key.vocab_size = get<uint32_t>(in, kVocabAt);
  root->key.group_count = get<uint32_t>(in, kGroupCountAt);
  for (uint32_t g = 0; g < std::min(root->key.group_count, kMaxSnapshotGroups); ++g) {
    root->key.groups[g].page_bytes = get<uint64_t>(in, kGroupsAt + g * kGroupBytes);
    root->key.groups[g].window = get<uint32_t>(in, kGroupsAt + g * kGroupBytes + 8);
    root->first_block[g] = get<uint32_t>(in, kGroupsAt + g * kGroupBytes + 12);
  }
  root->tokens = get<uint32_t>(in, kTokensAt);
  root->computed = get<uint32_t>(in, kComputedAt);
  std::memcpy(root->generator, in + kGeneratorAt, sizeof root->generator);
  root->forgotten = get<uint64_t>(in, kForgottenAt);
  root->token_ids = get_extent(in, kTokenIdsAt);
  root->table = get_extent(in, kTableAt);
  root->logits = get_extent(in, kLogitsAt);
  // First what it is, then whether it is right: page_shift and the groups are trusted once they are the session's own.
  RUNNEL_TRY(match(root->key, key));
  return check_fields(*root, file_bytes);
}

bool is_good_page(const SnapshotPage& page, uint64_t page_bytes, const SnapshotRoot& root) noexcept {
  return page.offset >= kSnapshotDataBegin && page.offset % kSnapshotPageAlignment == 0 &&
         range_fits(page.offset, page_bytes, root.file_bytes);
}

}  // namespace runnel
