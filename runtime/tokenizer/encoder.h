// One call of encode(): a text becomes added tokens and fragments, a fragment is normalized and split into words, and a
// word becomes tokens.
//
//   text -> raw added tokens -> normalizers -> normalized added tokens -> preparations -> splits -> words -> merges
//
// Bytes that are not UTF-8 are kept: each run of them is a word of its own, so that a tokenizer which has a token for
// every byte gives them back exactly; without such tokens they are unknown, like characters out of the vocabulary.
#pragma once

#include <string_view>

#include "runtime/tokenizer/added_tokens.h"
#include "runtime/tokenizer/bpe.h"
#include "runtime/tokenizer/normalize.h"
#include "runtime/tokenizer/pattern.h"
#include "runtime/tokenizer/tables.h"
#include "runtime/tokenizer/tokenizer.h"

namespace runnel {

// What open() prepares and every call shares.
struct TokenizerParts {
  TokenizerTables tables;
  Patterns patterns;
  AddedTokens raw_added, normalized_added;
  bool has_special_normalized = false;  // marks must be carried through the normalizers
};

class Encoder {
 public:
  Encoder(const TokenizerParts& parts, Array<int32_t>* ids) noexcept
      : parts_(parts), tables_(parts.tables), ids_(ids) {}

  Status encode(std::string_view text, const EncodeOptions& options) noexcept;

 private:
  // All of these return false with status_ set when they cannot go on.
  bool fragment(std::string_view text, std::span<const uint32_t> marks, size_t offset) noexcept;
  bool plain(std::string_view text, bool at_start) noexcept;
  bool split(uint32_t step, std::string_view text) noexcept;
  bool split_merged(uint32_t step, std::string_view text) noexcept;
  bool word(std::string_view text) noexcept;
  bool char_words(std::string_view text) noexcept;
  bool merged_word(std::string_view text) noexcept;
  bool byte_symbols(std::string_view text) noexcept;
  bool char_symbols(std::string_view text) noexcept;
  bool push_symbols() noexcept;
  bool push_unknown() noexcept;
  bool push(uint32_t id) noexcept { return ids_->push(static_cast<int32_t>(id)) || fail(no_memory()); }
  bool push_all(const flatbuffers::Vector<uint32_t>* ids) noexcept;
  bool fail(Status status) noexcept {
    status_ = std::move(status);
    return false;
  }
  static Status no_memory() noexcept { return out_of_memory("tokenizer", "the ids of a text"); }

  // Words met before in this text, and where their ids lie. Direct mapped.
  struct Seen {
    const char* text = nullptr;
    uint32_t bytes = 0;
    uint32_t ids = 0;
    uint32_t epoch = 0;  // of the buffer that the text lies in
    size_t first_id = 0;
  };
  static constexpr size_t kSeenWords = 4096;
  static constexpr size_t kSeenTextBytes = 2048;  // shorter texts do without

  const TokenizerParts& parts_;
  const TokenizerTables& tables_;
  Array<int32_t>* ids_;
  Status status_;
  bool parse_special_ = false;
  Normalizer normalizer_, preparer_;
  PatternScratch matches_;
  Array<uint32_t> symbols_;
  MergeScratch merges_;
  Array<Seen> seen_;
  uint32_t epoch_ = 1;
  bool last_unknown_ = false;  // the last symbol pushed in this word stands for unknown characters
};

}  // namespace runnel
