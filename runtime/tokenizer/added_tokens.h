// Cuts added tokens out of a text: leftmost first, longest among those that begin at one place.
//
// Time is linear in the text, times the longest added token at worst.
#pragma once

#include <string_view>

#include "runtime/tokenizer/tables.h"

namespace runnel {

class AddedTokens {
 public:
  AddedTokens() noexcept = default;
  AddedTokens(const TokenizerTables* tables, TokenizerTables::Trie trie) noexcept;

  bool empty() const noexcept { return trie_.empty(); }
  bool has_special() const noexcept;

  struct Match {
    size_t begin, end;  // with the white space that the token takes; begin = npos: none
    uint32_t id;
  };
  // What a walk through one text remembers.
  struct Cursor {
    std::string_view text;
    std::span<const uint32_t> marks;  // ascending; no special token covers one
    bool parse_special;
    size_t at = 0;         // where the text not yet given out begins
    size_t next_mark = 0;  // the first mark after `at`
  };
  // The next match, and moves the cursor behind it.
  Match next(Cursor* cursor) const noexcept;

 private:
  // Longest permitted token that begins at `at`: its index, or -1.
  int32_t match_at(const Cursor& cursor, size_t at, size_t* end) const noexcept;
  bool is_single_word(std::string_view text, size_t begin, size_t end) const noexcept;

  const TokenizerTables* tables_ = nullptr;
  TokenizerTables::Trie trie_;
  int only_first_ = -1;  // the byte that all begin with, or -1
  bool is_first_[256] = {};
};

}  // namespace runnel
