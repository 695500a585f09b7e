#include "runtime/tokenizer/added_tokens.h"

#include "runtime/tokenizer/utf8.h"

namespace runnel {

AddedTokens::AddedTokens(const TokenizerTables* tables, TokenizerTables::Trie trie) noexcept
    : tables_(tables), trie_(trie) {
  if (trie_.empty()) return;
  const fb::TrieNode& root = trie_.nodes[0];
  for (uint32_t c = 0; c < root.child_count(); ++c) is_first_[trie_.nodes[root.first_child() + c].byte()] = true;
  if (root.child_count() == 1) only_first_ = trie_.nodes[root.first_child()].byte();
}

bool AddedTokens::has_special() const noexcept {
  for (uint32_t i = 0; i < trie_.count; ++i) {
    const int32_t added = trie_.nodes[i].added();
    if (added >= 0 && (tables_->added_flags[added] & kAddedSpecial) != 0) return true;
  }
  return false;
}

int32_t AddedTokens::match_at(const Cursor& cursor, size_t at, size_t* end) const noexcept {
  // The cursor has already passed the marks up to `at`.
  const size_t limit = cursor.next_mark < cursor.marks.size() ? cursor.marks[cursor.next_mark] : cursor.text.size();
  const fb::TrieNode* node = trie_.nodes;
  int32_t best = -1;
  for (size_t i = at; i < cursor.text.size() && node->child_count() != 0; ++i) {
    const auto byte = static_cast<uint8_t>(cursor.text[i]);
    const fb::TrieNode* child = trie_.nodes + node->first_child();
    uint32_t low = 0, high = node->child_count();
    while (low < high) {
      const uint32_t middle = (low + high) / 2;
      if (child[middle].byte() < byte) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    if (low == node->child_count() || child[low].byte() != byte) break;
    node = child + low;
    if (node->added() < 0) continue;
    const bool special = (tables_->added_flags[node->added()] & kAddedSpecial) != 0;
    if (special && (!cursor.parse_special || i + 1 > limit)) continue;
    best = node->added();
    *end = i + 1;
  }
  return best;
}

bool AddedTokens::is_single_word(std::string_view text, size_t begin, size_t end) const noexcept {
  if (begin > 0 && is_word_character(utf8_last(text.substr(0, begin)).code_point)) return false;
  return end == text.size() || !is_word_character(utf8_first(text.substr(end)).code_point);
}

AddedTokens::Match AddedTokens::next(Cursor* cursor) const noexcept {
  const std::string_view text = cursor->text;
  for (size_t at = cursor->at; at < text.size();) {
    if (only_first_ >= 0) {
      const void* found = std::memchr(text.data() + at, only_first_, text.size() - at);
      if (found == nullptr) break;
      at = static_cast<size_t>(static_cast<const char*>(found) - text.data());
    } else {
      while (at < text.size() && !is_first_[static_cast<uint8_t>(text[at])]) ++at;
      if (at == text.size()) break;
    }
    while (cursor->next_mark < cursor->marks.size() && cursor->marks[cursor->next_mark] <= at) ++cursor->next_mark;
    size_t end = 0;
    const int32_t added = match_at(*cursor, at, &end);
    if (added < 0) {
      ++at;
      continue;
    }
    const uint8_t flags = tables_->added_flags[added];
    if ((flags & kAddedSingleWord) != 0 && !is_single_word(text, at, end)) {
      at = end;
      continue;
    }
    size_t begin = at;
    while ((flags & kAddedStripLeft) != 0 && begin > cursor->at) {
      const Utf8Char c = utf8_last(text.substr(cursor->at, begin - cursor->at));
      if (!is_white_space(c.code_point)) break;
      begin -= c.bytes;
    }
    while ((flags & kAddedStripRight) != 0 && end < text.size()) {
      const Utf8Char c = utf8_first(text.substr(end));
      if (!is_white_space(c.code_point)) break;
      end += c.bytes;
    }
    cursor->at = end;
    return {begin, end, tables_->added_ids[added]};
  }
  return {std::string_view::npos, std::string_view::npos, 0};
}

}  // namespace runnel
