#include "runtime/template/unicode.h"

namespace runnel::jinja {
namespace {

bool is_continuation(char c) noexcept { return (static_cast<uint8_t>(c) & 0xC0) == 0x80; }

bool contains(std::string_view characters, uint32_t code_point) noexcept {
  for (size_t at = 0; at < characters.size();)
    if (next_code_point(characters, &at) == code_point) return true;
  return false;
}

// Decodes strictly; 0 bytes for an invalid sequence.
size_t decode(std::string_view s, size_t at, uint32_t* out) noexcept {
  const auto byte = [&](size_t i) { return static_cast<uint32_t>(static_cast<uint8_t>(s[at + i])); };
  const uint32_t first = byte(0);
  if (first < 0x80) {
    *out = first;
    return 1;
  }
  const size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || s.size() - at < length) return 0;
  uint32_t value = first & (0x7Fu >> length);
  for (size_t i = 1; i < length; ++i) {
    if (!is_continuation(s[at + i])) return 0;
    value = value << 6 | (byte(i) & 0x3F);
  }
  const uint32_t smallest = length == 2 ? 0x80 : length == 3 ? 0x800 : 0x10000;
  if (value < smallest || value > 0x10FFFF || (value >= 0xD800 && value < 0xE000)) return 0;
  *out = value;
  return length;
}

}  // namespace

uint32_t next_code_point(std::string_view s, size_t* at) noexcept {
  uint32_t value = 0;
  const size_t length = decode(s, *at, &value);
  if (length == 0) return static_cast<uint8_t>(s[(*at)++]);
  *at += length;
  return value;
}

bool is_valid_utf8(std::string_view s) noexcept {
  for (size_t at = 0; at < s.size();) {
    uint32_t value = 0;
    const size_t length = decode(s, at, &value);
    if (length == 0) return false;
    at += length;
  }
  return true;
}

size_t count_code_points(std::string_view s) noexcept {
  size_t count = 0;
  for (char c : s) count += !is_continuation(c);
  return count;
}

size_t code_point_offset(std::string_view s, size_t index) noexcept {
  size_t at = 0;
  while (at < s.size() && index > 0) {
    ++at;
    while (at < s.size() && is_continuation(s[at])) ++at;
    --index;
  }
  return at;
}

bool is_space(uint32_t c) noexcept {
  return (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x20) || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

bool is_printable(uint32_t c) noexcept {
  if (c < 0x20 || (c >= 0x7F && c <= 0xA0) || c == 0xAD) return false;
  if (c != 0x20 && is_space(c)) return false;
  return !((c >= 0x200B && c <= 0x200F) || (c >= 0x202A && c <= 0x202E) || (c >= 0x2060 && c <= 0x206F) ||
           (c >= 0xE000 && c <= 0xF8FF) || c == 0xFEFF || (c >= 0xFFF0 && c <= 0xFFFB) || (c & 0xFFFE) == 0xFFFE ||
           (c >= 0xE0000 && c <= 0xE00FF) || c >= 0xF0000);
}

uint32_t to_lower(uint32_t c) noexcept {
  if (c >= 'A' && c <= 'Z') return c + 32;
  if (c < 0xC0) return c;
  if (c <= 0xDE) return c == 0xD7 ? c : c + 32;
  if ((c >= 0x100 && c <= 0x12F) || (c >= 0x132 && c <= 0x137) || (c >= 0x14A && c <= 0x177)) return c | 1;
  if ((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17E)) return c % 2 == 1 ? c + 1 : c;
  if (c == 0x178) return 0xFF;
  if (c >= 0x391 && c <= 0x3A9 && c != 0x3A2) return c + 32;
  if (c >= 0x410 && c <= 0x42F) return c + 32;
  if (c >= 0x400 && c <= 0x40F) return c + 80;
  return c;
}

uint32_t to_upper(uint32_t c) noexcept {
  if (c >= 'a' && c <= 'z') return c - 32;
  if (c < 0xE0) return c;
  if (c == 0xFF) return 0x178;
  if (c <= 0xFE) return c == 0xF7 ? c : c - 32;
  if ((c >= 0x100 && c <= 0x12F) || (c >= 0x132 && c <= 0x137) || (c >= 0x14A && c <= 0x177)) return c & ~1u;
  if ((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17E)) return c % 2 == 0 ? c - 1 : c;
  if (c >= 0x3B1 && c <= 0x3C9) return c == 0x3C2 ? 0x3A3 : c - 32;
  if (c >= 0x430 && c <= 0x44F) return c - 32;
  if (c >= 0x450 && c <= 0x45F) return c - 80;
  return c;
}

bool is_letter(uint32_t c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == 0xAA || c == 0xB5 || c == 0xBA ||
         (c >= 0xC0 && c != 0xD7 && c != 0xF7 && !(c >= 0x2000 && c <= 0x2BFF) && c < 0x1F000 && !is_space(c));
}

std::string_view strip(std::string_view s, bool left, bool right, std::string_view characters) noexcept {
  const auto goes = [&](uint32_t c) { return characters.empty() ? is_space(c) : contains(characters, c); };
  size_t begin = 0, end = s.size();
  while (left && begin < end) {
    size_t next = begin;
    if (!goes(next_code_point(s, &next))) break;
    begin = next;
  }
  while (right && begin < end) {
    size_t last = end - 1;
    while (last > begin && is_continuation(s[last])) --last;
    size_t at = last;
    if (!goes(next_code_point(s, &at))) break;
    end = last;
  }
  return s.substr(begin, end - begin);
}

}  // namespace runnel::jinja
