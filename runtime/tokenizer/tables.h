// The tokenizer's tables as verified views, and the two look-ups that encoding lives on.
//
// Ownership: borrows the FlatBuffer. Thread rule: const members any thread.
#pragma once

#include <array>
#include <cstring>
#include <span>
#include <string_view>

#include "runnel/status.h"
#include "runtime/tokenizer/hash.h"
#include "runtime/tokenizer/tokenizer_generated.h"

namespace runnel {

enum class TokenizerKind : uint8_t {
  byte_bpe = 0,  // words of bytes; every byte is a symbol
  char_bpe = 1,  // words of characters; those without a token become byte tokens or unk
};

// Numbered as in GGUF.
enum class TokenKind : uint8_t { normal = 1, unknown = 2, control = 3, user_defined = 4, unused = 5, byte = 6 };
inline constexpr uint8_t kTokenKindMask = 7;
// A word whose text is this token's text is this token: merging would end there, or the model says to skip the merges.
inline constexpr uint8_t kWholeWord = 8;

// Bits of an added token.
inline constexpr uint8_t kAddedSpecial = 1;     // only where special tokens are parsed
inline constexpr uint8_t kAddedStripLeft = 2;   // takes the white space on its left
inline constexpr uint8_t kAddedStripRight = 4;  // and on its right
inline constexpr uint8_t kAddedSingleWord = 8;  // only between non-word characters

enum class NormalizeKind : uint8_t {
  prepend = 0,          // `to`, when the text is not empty
  prepend_missing = 1,  // `to`, when the text is not empty and does not begin with it
  prepend_first = 2,    // as prepend_missing, at the very beginning of the input only
  replace = 3,          // every `from` by `to`
  nfc = 4,
  nfd = 5,
  nfkc = 6,
  nfkd = 7,
  trim_spaces = 8,  // no space at either end, and no two together
};

enum class SplitBehaviour : uint8_t {
  removed = 0,               // matches vanish
  isolated = 1,              // matches and what lies between them are pieces
  merged_with_previous = 2,  // a match ends the piece before it
  merged_with_next = 3,      // a match begins the piece after it
  contiguous = 4,            // neighbouring matches are one piece
};

inline constexpr uint32_t kNoSymbol = 0xffffffffu;
// Longest run of filled slots that a table may have, so that no look-up is longer.
inline constexpr uint32_t kMaxProbes = 4096;
inline constexpr uint32_t kMaxSplits = 32;

struct Merge {
  uint32_t rank;  // lower is sooner; kNoSymbol: the pair does not merge
  uint32_t result;
};

class TokenizerTables {
 public:
  // Verifies everything that the members below trust: one pass over the bytes.
  static Result<TokenizerTables> open(std::span<const uint8_t> bytes) noexcept;

  TokenizerKind kind;
  uint32_t vocab_size, symbol_count;
  int32_t bos_id, eos_id, unk_id;
  uint32_t max_text_bytes;  // longest text in text_slots
  bool fuse_unknown, words_at_spaces;
  uint32_t strip_spaces;
  std::array<int32_t, 256> byte_ids;
  bool has_all_bytes;
  const uint32_t* added_ids;
  const uint8_t* added_flags;
  struct Trie {
    const fb::TrieNode* nodes = nullptr;
    uint32_t count = 0;
    bool empty() const noexcept { return count <= 1; }
  };
  Trie raw_trie, normalized_trie;
  const fb::TokenizerTables* root;

  std::string_view piece(uint32_t id) const noexcept { return view(piece_offsets_, piece_bytes_, id); }
  std::string_view text(uint32_t symbol) const noexcept { return view(text_offsets_, text_bytes_, symbol); }
  TokenKind kind_of(uint32_t symbol) const noexcept {
    return static_cast<TokenKind>(attributes_[symbol] & kTokenKindMask);
  }
  bool is_hidden(uint32_t id) const noexcept {
    return kind_of(id) == TokenKind::control || kind_of(id) == TokenKind::unknown;
  }
  bool is_whole_word(uint32_t symbol) const noexcept { return (attributes_[symbol] & kWholeWord) != 0; }

  // The symbol with this text, or kNoSymbol.
  uint32_t find_text(std::string_view text) const noexcept {
    if (text.size() > max_text_bytes) return kNoSymbol;
    return find_text(text, text_hash(text.data(), text.size()));
  }
  uint32_t find_text(std::string_view text, uint64_t hash) const noexcept {
    const auto tag = static_cast<uint32_t>(hash >> 32);
    for (uint32_t at = static_cast<uint32_t>(hash) & text_mask_;; at = (at + 1) & text_mask_) {
      const fb::TextSlot& slot = text_slots_[at];
      if (slot.id() == kNoSymbol) return kNoSymbol;
      if (slot.tag() == tag && this->text(slot.id()) == text) return slot.id();
    }
  }
  Merge find_merge(uint32_t left, uint32_t right) const noexcept {
    for (auto at = static_cast<uint32_t>(merge_hash(left, right) >> merge_shift_);; at = (at + 1) & merge_mask_) {
      const fb::MergeSlot& slot = merge_slots_[at];
      if (slot.left() == left && slot.right() == right) return {slot.rank(), slot.result()};
      if (slot.left() == kNoSymbol) return {kNoSymbol, kNoSymbol};
    }
  }

 private:
  Status verify_texts() noexcept;
  Status verify_hashes() noexcept;
  Status verify_added() noexcept;
  Status verify_trie(const flatbuffers::Vector<const fb::TrieNode*>* nodes, uint32_t added_count, const char* name,
                     Trie* out) noexcept;
  Status verify_steps() noexcept;

  std::string_view view(const uint32_t* offsets, const char* bytes, uint32_t i) const noexcept {
    return {bytes + offsets[i], offsets[i + 1] - offsets[i]};
  }

  const uint32_t* piece_offsets_;
  const char* piece_bytes_;
  const uint32_t* text_offsets_;
  const char* text_bytes_;
  const uint8_t* attributes_;
  const fb::TextSlot* text_slots_;
  uint32_t text_mask_;
  const fb::MergeSlot* merge_slots_;
  uint32_t merge_mask_, merge_shift_;
};

}  // namespace runnel
