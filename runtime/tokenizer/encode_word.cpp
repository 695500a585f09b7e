// The part of the encoder that turns one word into tokens.
#include "runtime/tokenizer/encoder.h"
#include "runtime/tokenizer/utf8.h"

namespace runnel {
namespace {

constexpr std::string_view kSpaceMark = "\u2581";

}  // namespace

bool Encoder::word(std::string_view text) noexcept {
  return tables_.words_at_spaces ? char_words(text) : merged_word(text);
}

// Cuts before every U+2581 that follows another character: no merge crosses such a place.
bool Encoder::char_words(std::string_view text) noexcept {
  size_t begin = 0;
  bool after_mark = true;
  for (size_t at = 0; at < text.size();) {
    const void* found = std::memchr(text.data() + at, kSpaceMark[0], text.size() - at);
    if (found == nullptr) break;
    const auto mark = static_cast<size_t>(static_cast<const char*>(found) - text.data());
    if (mark != at) after_mark = false;
    const bool is_mark = text.substr(mark, kSpaceMark.size()) == kSpaceMark;
    if (is_mark && !after_mark) {
      if (!merged_word(text.substr(begin, mark - begin))) return false;
      begin = mark;
    }
    after_mark = is_mark;
    at = mark + (is_mark ? kSpaceMark.size() : 1);
  }
  return begin == text.size() || merged_word(text.substr(begin));
}

bool Encoder::merged_word(std::string_view text) noexcept {
  uint64_t hash = 0;
  if (text.size() <= tables_.max_text_bytes || text.size() <= kSeenTextBytes)
    hash = text_hash(text.data(), text.size());
  if (text.size() <= tables_.max_text_bytes) {
    const uint32_t id = tables_.find_text(text, hash);
    if (id != kNoSymbol && tables_.is_whole_word(id)) return push(id);
  }
  Seen* seen = nullptr;
  if (!seen_.empty() && text.size() <= kSeenTextBytes) {
    seen = &seen_[(hash >> 20) % kSeenWords];
    if (seen->epoch == epoch_ && std::string_view(seen->text, seen->bytes) == text) {
      for (uint32_t i = 0; i < seen->ids; ++i) {
        if (!push(static_cast<uint32_t>((*ids_)[seen->first_id + i]))) return false;
      }
      return true;
    }
  }
  const size_t first_id = ids_->size();
  symbols_.clear();
  const bool bytes = tables_.kind == TokenizerKind::byte_bpe;
  if (!(bytes ? byte_symbols(text) : char_symbols(text))) return false;
  if (Status status = merge_symbols(tables_, &merges_, &symbols_); !status.ok()) return fail(std::move(status));
  if (!push_symbols()) return false;
  if (seen != nullptr) {
    *seen = {text.data(), static_cast<uint32_t>(text.size()), static_cast<uint32_t>(ids_->size() - first_id), epoch_,
             first_id};
  }
  return true;
}

// A byte without a token is unk, or nothing where the vocabulary has no unk.
bool Encoder::byte_symbols(std::string_view text) noexcept {
  if (!symbols_.resize(text.size())) return fail(no_memory());
  size_t count = 0;
  bool unknown_before = false;
  for (const char c : text) {
    const int32_t id = tables_.byte_ids[static_cast<uint8_t>(c)];
    const bool unknown = id < 0;
    const int32_t symbol = unknown ? tables_.unk_id : id;
    const bool fused = unknown && unknown_before && tables_.fuse_unknown;
    if (symbol >= 0 && !fused) symbols_[count++] = static_cast<uint32_t>(symbol);
    unknown_before = unknown;
  }
  symbols_.truncate(count);
  return true;
}

// A character without a symbol becomes its bytes' tokens when every byte has one, else unk, else nothing.
bool Encoder::char_symbols(std::string_view text) noexcept {
  if (!symbols_.reserve(text.size())) return fail(no_memory());
  bool unknown_before = false;
  for (size_t at = 0; at < text.size();) {
    const size_t length = utf8_char_bytes(text.data() + at, text.size() - at);
    const std::string_view character = text.substr(at, length == 0 ? 1 : length);
    at += character.size();
    const uint32_t symbol = tables_.find_text(character);
    const bool known = symbol != kNoSymbol && !tables_.is_hidden(symbol);
    bool held = true;
    if (known) {
      held = symbols_.push(symbol);
    } else if (tables_.has_all_bytes) {
      for (const char c : character)
        held = held && symbols_.push(static_cast<uint32_t>(tables_.byte_ids[static_cast<uint8_t>(c)]));
    } else if (tables_.unk_id >= 0 && !(unknown_before && tables_.fuse_unknown)) {
      held = symbols_.push(static_cast<uint32_t>(tables_.unk_id));
    }
    if (!held) return fail(no_memory());
    unknown_before = !known && !tables_.has_all_bytes;
  }
  return true;
}

// A phantom that no merge took up is written as the character that it is.
bool Encoder::push_symbols() noexcept {
  last_unknown_ = false;
  for (const uint32_t symbol : symbols_) {
    if (symbol < tables_.vocab_size) {
      last_unknown_ = static_cast<int32_t>(symbol) == tables_.unk_id;
      if (!push(symbol)) return false;
      continue;
    }
    const bool as_bytes = tables_.has_all_bytes || tables_.kind == TokenizerKind::byte_bpe;
    for (const char c : as_bytes ? tables_.text(symbol) : std::string_view("?")) {
      const int32_t id = as_bytes ? tables_.byte_ids[static_cast<uint8_t>(c)] : -1;
      if (!(id >= 0 ? push(static_cast<uint32_t>(id)) : push_unknown())) return false;
    }
  }
  return true;
}

bool Encoder::push_unknown() noexcept {
  if (tables_.unk_id < 0 || (last_unknown_ && tables_.fuse_unknown)) return true;
  last_unknown_ = true;
  return push(static_cast<uint32_t>(tables_.unk_id));
}

}  // namespace runnel
