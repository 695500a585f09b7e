// UTF-8: lengths, code points, and the few character classes that cutting out added tokens needs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace runnel {

// Bytes of the well-formed character at p (RFC 3629: no overlong form, no surrogate, at most U+10FFFF), 0 when there is
// none. Requires: bytes > 0.
inline size_t utf8_char_bytes(const char* text, size_t bytes) noexcept {
  const auto* p = reinterpret_cast<const uint8_t*>(text);
  const auto follows = [&](size_t i) { return (p[i] & 0xc0) == 0x80; };
  if (p[0] < 0x80) return 1;
  if (p[0] < 0xc2) return 0;
  if (p[0] < 0xe0) return bytes >= 2 && follows(1) ? 2 : 0;
  if (p[0] < 0xf0) {
    if (bytes < 3 || !follows(1) || !follows(2)) return 0;
    if (p[0] == 0xe0 && p[1] < 0xa0) return 0;
    if (p[0] == 0xed && p[1] >= 0xa0) return 0;
    return 3;
  }
  if (p[0] > 0xf4 || bytes < 4 || !follows(1) || !follows(2) || !follows(3)) return 0;
  if (p[0] == 0xf0 && p[1] < 0x90) return 0;
  if (p[0] == 0xf4 && p[1] >= 0x90) return 0;
  return 4;
}

// Requires: `bytes` is what utf8_char_bytes gave.
inline uint32_t utf8_code_point(const char* text, size_t bytes) noexcept {
  const auto* p = reinterpret_cast<const uint8_t*>(text);
  switch (bytes) {
    case 1: return p[0];
    case 2: return (p[0] & 0x1fu) << 6 | (p[1] & 0x3fu);
    case 3: return (p[0] & 0x0fu) << 12 | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu);
    default: return (p[0] & 0x07u) << 18 | (p[1] & 0x3fu) << 12 | (p[2] & 0x3fu) << 6 | (p[3] & 0x3fu);
  }
}

// Length of the longest well-formed prefix.
size_t utf8_valid_prefix(std::string_view text) noexcept;
// Length of the prefix in which no byte begins a well-formed character.
size_t utf8_invalid_prefix(std::string_view text) noexcept;

// The last character's code point and length; {0xfffd, 1} when the bytes before `end` are malformed. Requires: not
// empty.
struct Utf8Char {
  uint32_t code_point;
  size_t bytes;
};
Utf8Char utf8_first(std::string_view text) noexcept;
Utf8Char utf8_last(std::string_view text) noexcept;

bool is_white_space(uint32_t code_point) noexcept;     // Unicode's White_Space
bool is_word_character(uint32_t code_point) noexcept;  // letters, marks, numbers, connecting punctuation

}  // namespace runnel
