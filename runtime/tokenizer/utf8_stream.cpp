#include "runtime/tokenizer/tokenizer.h"
#include "runtime/tokenizer/utf8.h"

namespace runnel {
namespace {

constexpr std::string_view kReplacement = "\ufffd";

// Whether these bytes, no character yet, begin one. Requires: 1 to 3 bytes.
bool can_become_character(const char* text, size_t bytes) noexcept {
  const auto first = static_cast<uint8_t>(text[0]);
  const size_t wanted = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || bytes >= wanted) return false;
  // The second byte alone decides between a beginning and nonsense: try both ends of what may follow.
  for (const uint8_t second : {uint8_t{0x80}, uint8_t{0xbf}}) {
    char whole[4] = {text[0], static_cast<char>(second), static_cast<char>(0x80), static_cast<char>(0x80)};
    for (size_t i = 1; i < bytes; ++i) whole[i] = text[i];
    if (utf8_char_bytes(whole, wanted) == wanted) return true;
  }
  return false;
}

}  // namespace

Result<std::string_view> Utf8Stream::feed(std::string_view bytes) noexcept {
  if (bytes.size() > (1u << 20)) {
    return Status::error(Code::invalid_argument, "utf-8 stream: a piece of %zu bytes, at most %u", bytes.size(),
                         1u << 20);
  }
  out_.clear();
  // At worst every byte becomes a replacement character of three.
  if (!out_.reserve((held_bytes_ + bytes.size()) * kReplacement.size())) {
    return out_of_memory("utf-8 stream", "a piece");
  }
  const auto append = [&](std::string_view text) { return out_.append({text.data(), text.size()}); };
  while (true) {
    // Characters of the piece, once nothing is held.
    if (held_bytes_ == 0) {
      const size_t valid = utf8_valid_prefix(bytes);
      if (!append(bytes.substr(0, valid))) return out_of_memory("utf-8 stream", "a piece");
      bytes.remove_prefix(valid);
    }
    if (bytes.empty()) break;
    held_[held_bytes_++] = bytes[0];
    bytes.remove_prefix(1);
    if (utf8_char_bytes(held_, held_bytes_) == held_bytes_) {
      if (!append({held_, held_bytes_})) return out_of_memory("utf-8 stream", "a piece");
      held_bytes_ = 0;
      continue;
    }
    if (can_become_character(held_, held_bytes_)) continue;
    // What was held is no character; the byte that showed it may begin one.
    const char last = held_[held_bytes_ - 1];
    const bool alone = held_bytes_ == 1;
    held_bytes_ = 0;
    if (!append(kReplacement)) return out_of_memory("utf-8 stream", "a piece");
    if (alone) continue;
    held_[0] = last;
    if (utf8_char_bytes(held_, 1) == 1) {
      if (!append({held_, 1})) return out_of_memory("utf-8 stream", "a piece");
    } else if (can_become_character(held_, 1)) {
      held_bytes_ = 1;
    } else if (!append(kReplacement)) {
      return out_of_memory("utf-8 stream", "a piece");
    }
  }
  return std::string_view(out_.data(), out_.size());
}

std::string_view Utf8Stream::finish() noexcept {
  const bool unfinished = held_bytes_ != 0;
  held_bytes_ = 0;
  return unfinished ? kReplacement : std::string_view{};
}

}  // namespace runnel
