#include "runtime/tokenizer/tables.h"

#include <bit>

#include "kernels/base/checked.h"

namespace runnel {
namespace {

[[gnu::format(printf, 1, 2)]] Status corrupt(const char* format, ...) noexcept {
  va_list args;
  va_start(args, format);
  Status status = Status::error_v(Code::corrupt_file, format, args);
  va_end(args);
  return std::move(status).with_context("tokenizer");
}

// Ascending from 0, the last one the length of the bytes.
Status verify_offsets(const flatbuffers::Vector<uint32_t>* offsets, const flatbuffers::Vector<uint8_t>* bytes,
                      uint32_t count, const char* name) noexcept {
  if (offsets == nullptr || bytes == nullptr) return corrupt("%s are missing", name);
  if (offsets->size() != uint64_t{count} + 1) {
    return corrupt("%s have %u offsets, expected %u", name, offsets->size(), count + 1);
  }
  const uint32_t* at = offsets->data();
  bool ascending = at[0] == 0 && at[count] == bytes->size();
  for (uint32_t i = 0; i < count; ++i) ascending &= at[i] <= at[i + 1];
  if (!ascending) return corrupt("offsets of %s do not ascend from 0 to %u", name, bytes->size());
  return {};
}

// A table whose runs of filled slots are short has an empty one after every run, so that every look-up ends.
template <class Slot, class Filled>
bool runs_are_short(const Slot* slots, uint32_t count, Filled filled) noexcept {
  uint32_t run = 0, longest = 0;
  for (uint64_t i = 0; i < uint64_t{count} + kMaxProbes && longest <= kMaxProbes; ++i) {
    run = filled(slots[i & (count - 1)]) ? run + 1 : 0;
    longest = run > longest ? run : longest;
    if (i >= count && run == 0) break;
  }
  return longest <= kMaxProbes && longest < count;
}

Status verify_ids(const flatbuffers::Vector<uint32_t>* ids, uint32_t vocab_size, const char* name) noexcept {
  if (ids == nullptr) return {};
  for (uint32_t i = 0; i < ids->size(); ++i) {
    if (ids->Get(i) >= vocab_size) return corrupt("%s hold id %u of %u tokens", name, ids->Get(i), vocab_size);
  }
  return {};
}

}  // namespace

Result<TokenizerTables> TokenizerTables::open(std::span<const uint8_t> bytes) noexcept {
  if (reinterpret_cast<uintptr_t>(bytes.data()) % 8 != 0) {
    return Status::error(Code::invalid_argument, "tokenizer: tables are not aligned to 8 bytes");
  }
  if (bytes.size() < 16 || bytes.size() >= FLATBUFFERS_MAX_BUFFER_SIZE) {
    return corrupt("tables of %zu bytes", bytes.size());
  }
  flatbuffers::Verifier verifier(bytes.data(), bytes.size(), 16, 4096);
  if (!fb::VerifyTokenizerTablesBuffer(verifier)) return corrupt("tables of %zu bytes are malformed", bytes.size());

  TokenizerTables t = {};
  t.root = fb::GetTokenizerTables(bytes.data());
  const fb::TokenizerTables& root = *t.root;
  if (root.kind() > static_cast<uint8_t>(TokenizerKind::char_bpe)) {
    return Status::error(Code::unsupported, "tokenizer: kind %u is unknown to this version", root.kind());
  }
  t.kind = static_cast<TokenizerKind>(root.kind());
  t.vocab_size = root.vocab_size();
  if (t.vocab_size == 0 || t.vocab_size > (1u << 28)) return corrupt("%u tokens", t.vocab_size);
  t.bos_id = root.bos_id();
  t.eos_id = root.eos_id();
  t.unk_id = root.unk_id();
  for (const int32_t id : {t.bos_id, t.eos_id, t.unk_id}) {
    if (id < -1 || (id >= 0 && static_cast<uint32_t>(id) >= t.vocab_size)) {
      return corrupt("special id %d of %u tokens", id, t.vocab_size);
    }
  }
  t.fuse_unknown = root.fuse_unknown();
  t.words_at_spaces = root.words_at_spaces();
  t.strip_spaces = root.strip_spaces();
  RUNNEL_TRY(t.verify_texts());
  RUNNEL_TRY(t.verify_hashes());
  RUNNEL_TRY(t.verify_added());
  RUNNEL_TRY(t.verify_steps());
  return t;
}

Status TokenizerTables::verify_texts() noexcept {
  const fb::TokenizerTables& r = *root;
  if (r.attributes() == nullptr) return corrupt("attributes are missing");
  symbol_count = r.attributes()->size();
  if (symbol_count < vocab_size || symbol_count > (1u << 29)) {
    return corrupt("%u symbols for %u tokens", symbol_count, vocab_size);
  }
  if (r.text_offsets() == nullptr && symbol_count != vocab_size) {
    return corrupt("%u symbols have no texts", symbol_count - vocab_size);
  }
  RUNNEL_TRY(verify_offsets(r.piece_offsets(), r.piece_bytes(), vocab_size, "pieces"));
  piece_offsets_ = r.piece_offsets()->data();
  piece_bytes_ = reinterpret_cast<const char*>(r.piece_bytes()->data());
  text_offsets_ = piece_offsets_;
  text_bytes_ = piece_bytes_;
  if (r.text_offsets() != nullptr) {
    RUNNEL_TRY(verify_offsets(r.text_offsets(), r.text_bytes(), symbol_count, "texts"));
    text_offsets_ = r.text_offsets()->data();
    text_bytes_ = reinterpret_cast<const char*>(r.text_bytes()->data());
  }
  attributes_ = r.attributes()->data();
  for (uint32_t i = 0; i < symbol_count; ++i) {
    const uint8_t token_kind = attributes_[i] & kTokenKindMask;
    if (token_kind < 1 || token_kind > 6) return corrupt("symbol %u is of kind %u", i, token_kind);
    const bool whole = (attributes_[i] & kWholeWord) != 0;
    if (whole && i >= vocab_size) return corrupt("symbol %u is no token, yet a word", i);
  }
  return {};
}

Status TokenizerTables::verify_hashes() noexcept {
  const auto* texts = root->text_slots();
  if (texts == nullptr || !is_power_of_two(texts->size())) return corrupt("the text table's size is no power of two");
  text_slots_ = reinterpret_cast<const fb::TextSlot*>(texts->Data());
  text_mask_ = texts->size() - 1;
  for (uint32_t i = 0; i < texts->size(); ++i) {
    const uint32_t id = text_slots_[i].id();
    if (id == kNoSymbol) continue;
    if (id >= symbol_count) return corrupt("text slot %u holds symbol %u of %u", i, id, symbol_count);
    const auto bytes = static_cast<uint32_t>(text(id).size());
    max_text_bytes = bytes > max_text_bytes ? bytes : max_text_bytes;
  }
  if (!runs_are_short(text_slots_, texts->size(), [](const fb::TextSlot& s) { return s.id() != kNoSymbol; })) {
    return corrupt("the text table is too full");
  }

  const auto* merges = root->merge_slots();
  if (merges == nullptr || !is_power_of_two(merges->size()) || merges->size() < 2) {
    return corrupt("the merge table's size is no power of two");
  }
  merge_slots_ = reinterpret_cast<const fb::MergeSlot*>(merges->Data());
  merge_mask_ = merges->size() - 1;
  merge_shift_ = 64 - static_cast<uint32_t>(std::countr_zero(merges->size()));
  for (uint32_t i = 0; i < merges->size(); ++i) {
    const fb::MergeSlot& slot = merge_slots_[i];
    if (slot.left() == kNoSymbol) continue;
    if (slot.left() >= symbol_count || slot.right() >= symbol_count || slot.result() >= symbol_count ||
        slot.rank() == kNoSymbol) {
      return corrupt("merge slot %u joins %u and %u to %u of %u symbols", i, slot.left(), slot.right(), slot.result(),
                     symbol_count);
    }
  }
  if (!runs_are_short(merge_slots_, merges->size(), [](const fb::MergeSlot& s) { return s.left() != kNoSymbol; })) {
    return corrupt("the merge table is too full");
  }

  const auto* bytes = root->byte_ids();
  if (bytes == nullptr || bytes->size() != 256) return corrupt("there are not 256 byte ids");
  has_all_bytes = true;
  for (uint32_t i = 0; i < 256; ++i) {
    const int32_t id = bytes->Get(i);
    if (id < -1 || (id >= 0 && static_cast<uint32_t>(id) >= vocab_size)) {
      return corrupt("byte %u has id %d of %u tokens", i, id, vocab_size);
    }
    byte_ids[i] = id;
    has_all_bytes &= id >= 0;
  }
  return {};
}

Status TokenizerTables::verify_added() noexcept {
  const uint32_t count = root->added_ids() == nullptr ? 0 : root->added_ids()->size();
  const uint32_t flag_count = root->added_flags() == nullptr ? 0 : root->added_flags()->size();
  if (count != flag_count) return corrupt("%u added tokens have %u flags", count, flag_count);
  RUNNEL_TRY(verify_ids(root->added_ids(), vocab_size, "added tokens"));
  RUNNEL_TRY(verify_ids(root->prefix_ids(), vocab_size, "prefix ids"));
  RUNNEL_TRY(verify_ids(root->suffix_ids(), vocab_size, "suffix ids"));
  added_ids = count == 0 ? nullptr : root->added_ids()->data();
  added_flags = count == 0 ? nullptr : root->added_flags()->data();
  RUNNEL_TRY(verify_trie(root->raw_trie(), count, "raw", &raw_trie));
  return verify_trie(root->normalized_trie(), count, "normalized", &normalized_trie);
}

Status TokenizerTables::verify_trie(const flatbuffers::Vector<const fb::TrieNode*>* nodes, uint32_t added_count,
                                    const char* name, Trie* out) noexcept {
  if (nodes == nullptr || nodes->size() == 0) return {};
  out->nodes = reinterpret_cast<const fb::TrieNode*>(nodes->Data());
  out->count = nodes->size();
  if (out->nodes[0].added() >= 0) return corrupt("the %s trie matches the empty text", name);
  for (uint32_t i = 0; i < out->count; ++i) {
    const fb::TrieNode& node = out->nodes[i];
    if (node.added() < -1 || (node.added() >= 0 && static_cast<uint32_t>(node.added()) >= added_count)) {
      return corrupt("node %u of the %s trie ends added token %d of %u", i, name, node.added(), added_count);
    }
    if (node.child_count() == 0) continue;
    // Children come after their parent: no loop.
    if (node.first_child() <= i || !range_fits<uint32_t>(node.first_child(), node.child_count(), out->count)) {
      return corrupt("node %u of the %s trie has children %u + %u of %u", i, name, node.first_child(),
                     node.child_count(), out->count);
    }
    const fb::TrieNode* child = out->nodes + node.first_child();
    for (uint32_t c = 1; c < node.child_count(); ++c) {
      if (child[c - 1].byte() >= child[c].byte()) return corrupt("node %u of the %s trie is not sorted", i, name);
    }
  }
  return {};
}

Status TokenizerTables::verify_steps() noexcept {
  for (const auto* steps : {root->normalizers(), root->preparations()}) {
    if (steps == nullptr) continue;
    if (steps->size() > kMaxSplits) return corrupt("%u steps of normalization", steps->size());
    for (const fb::NormalizeStep* step : *steps) {
      if (step->kind() > static_cast<uint8_t>(NormalizeKind::trim_spaces)) {
        return Status::error(Code::unsupported, "tokenizer: normalization %u is unknown to this version", step->kind());
      }
      const auto kind = static_cast<NormalizeKind>(step->kind());
      if (kind <= NormalizeKind::replace && step->to() == nullptr) return corrupt("a normalization has no text");
      if (kind == NormalizeKind::replace && (step->from() == nullptr || step->from()->size() == 0)) {
        return corrupt("a replacement replaces nothing");
      }
    }
  }
  if (root->splits() == nullptr) return {};
  if (root->splits()->size() > kMaxSplits) return corrupt("%u steps of splitting", root->splits()->size());
  for (const fb::SplitStep* step : *root->splits()) {
    if (step->pattern() == nullptr) return corrupt("a split has no pattern");
    if (step->behaviour() > static_cast<uint8_t>(SplitBehaviour::contiguous)) {
      return Status::error(Code::unsupported, "tokenizer: split behaviour %u is unknown to this version",
                           step->behaviour());
    }
  }
  return {};
}

}  // namespace runnel
