#include "runtime/tokenizer/utf8.h"

#include <utf8proc.h>

#include <cstring>

namespace runnel {

size_t utf8_valid_prefix(std::string_view text) noexcept {
  size_t at = 0;
  while (at < text.size()) {
    while (text.size() - at >= 8) {  // ASCII, eight bytes at a time
      uint64_t word;
      std::memcpy(&word, text.data() + at, 8);
      if ((word & 0x8080808080808080u) != 0) break;
      at += 8;
    }
    if (at == text.size()) break;
    const size_t bytes = utf8_char_bytes(text.data() + at, text.size() - at);
    if (bytes == 0) break;
    at += bytes;
  }
  return at;
}

size_t utf8_invalid_prefix(std::string_view text) noexcept {
  size_t at = 0;
  while (at < text.size() && utf8_char_bytes(text.data() + at, text.size() - at) == 0) ++at;
  return at;
}

Utf8Char utf8_first(std::string_view text) noexcept {
  const size_t bytes = utf8_char_bytes(text.data(), text.size());
  if (bytes == 0) return {0xfffd, 1};
  return {utf8_code_point(text.data(), bytes), bytes};
}

Utf8Char utf8_last(std::string_view text) noexcept {
  for (size_t back = 1; back <= 4 && back <= text.size(); ++back) {
    const std::string_view tail = text.substr(text.size() - back);
    if ((static_cast<uint8_t>(tail[0]) & 0xc0) == 0x80) continue;
    return utf8_char_bytes(tail.data(), back) == back ? utf8_first(tail) : Utf8Char{0xfffd, 1};
  }
  return {0xfffd, 1};
}

bool is_white_space(uint32_t c) noexcept {
  return (c >= 0x9 && c <= 0xd) || c == 0x20 || c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) ||
         c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

bool is_word_character(uint32_t c) noexcept {
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(c))) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_PC: return true;
    default: return false;
  }
}

}  // namespace runnel
