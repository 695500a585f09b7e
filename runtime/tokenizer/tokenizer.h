// Text to ids and back, from tables used in place: nothing is parsed or built at open but the compiled regular
// expressions. The tables are one FlatBuffer (tokenizer.fbs), the model file's section "tokenizer".
//
// Byte-level BPE: GPT-2's scheme, Sennrich et al. 2016 (arXiv 1508.07909). SentencePiece BPE: Kudo and Richardson 2018
// (arXiv 1808.06226), with byte fallback.
// Ownership: borrows the table bytes. Thread rule: const members any thread.
#pragma once

#include <span>
#include <string_view>

#include "runnel/array.h"
#include "runnel/status.h"

namespace runnel {

struct EncodeOptions {
  bool add_special = true;    // BOS/EOS as the model wants them
  bool parse_special = true;  // text of control tokens becomes their id; never for a message's content
  // Byte offsets into the text, ascending, that no control token's text may cover: a match that begins before one and
  // ends after it stays text. This is how a message's content is kept from being parsed inside a rendered chat.
  std::span<const uint32_t> no_special_across = {};
};

class Tokenizer {
 public:
  // Verifies the tables (every offset, id and table size) in one pass; they are then trusted.
  static Result<Tokenizer> open(std::span<const uint8_t> tables) noexcept;
  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;
  ~Tokenizer();

  // Appends ids to *ids. Time is O(n log n) in the text's bytes, whatever the text. Texts up to 2^31 - 1 bytes.
  Status encode(std::string_view text, const EncodeOptions& options, Array<int32_t>* ids) const noexcept;
  // The bytes of one token as generation appends them (no prefix-space rule). `special` false: control tokens are
  // empty.
  Result<std::string_view> piece(int32_t id, bool special = false) const noexcept;
  // Appends the text of all ids, undoing the prefix space; bytes that are not UTF-8 are kept.
  Status decode(std::span<const int32_t> ids, bool special, Array<char>* text) const noexcept;

  uint32_t vocab_size() const noexcept;
  int32_t bos_id() const noexcept;  // -1: none
  int32_t eos_id() const noexcept;
  int32_t find(std::string_view piece) const noexcept;  // -1: no such token
  bool is_control(int32_t id) const noexcept;
  bool adds_bos() const noexcept;
  bool adds_eos() const noexcept;

 private:
  struct Impl;
  explicit Tokenizer(Impl* impl) noexcept : impl_(impl) {}
  Impl* impl_ = nullptr;
};

// Pieces to a stream of valid UTF-8: holds back the bytes of an unfinished character, at most 3, and replaces bytes
// that can never become one by U+FFFD. Thread rule: one thread at a time.
class Utf8Stream {
 public:
  // Feeds bytes; returns what can be shown now. Borrowed until the next call. Pieces up to 1 MiB.
  Result<std::string_view> feed(std::string_view bytes) noexcept;
  // After this, pieces of up to `bytes` bytes allocate nothing. False: out of memory.
  [[nodiscard]] bool reserve(size_t bytes) noexcept { return out_.reserve((sizeof held_ + bytes) * 3); }
  // What is left at the end (an unfinished character becomes U+FFFD).
  std::string_view finish() noexcept;

 private:
  Array<char> out_;
  char held_[4] = {};
  uint32_t held_bytes_ = 0;
};

}  // namespace runnel
