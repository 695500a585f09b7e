// UTF-8 as Python sees it: code points, white space and simple case mapping. Strings are valid UTF-8 by the time they
// are values (the template's source and the JSON input are checked).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace runnel::jinja {

// The code point at `*at`, which is moved past it. Requires: *at < s.size(). Invalid bytes count as one code point
// each.
uint32_t next_code_point(std::string_view s, size_t* at) noexcept;
bool is_valid_utf8(std::string_view s) noexcept;
size_t count_code_points(std::string_view s) noexcept;
// The byte offset of code point `index`, at most s.size().
size_t code_point_offset(std::string_view s, size_t index) noexcept;

bool is_space(uint32_t code_point) noexcept;      // str.isspace
bool is_printable(uint32_t code_point) noexcept;  // what repr() leaves as it is
uint32_t to_lower(uint32_t code_point) noexcept;  // ASCII, Latin-1, Latin Extended-A, Greek, Cyrillic
uint32_t to_upper(uint32_t code_point) noexcept;
bool is_letter(uint32_t code_point) noexcept;  // ASCII letters and all above Latin-1's symbols

// Without white space, or without any code point of `characters` when that is not empty, at the chosen ends.
std::string_view strip(std::string_view s, bool left, bool right, std::string_view characters = {}) noexcept;

}  // namespace runnel::jinja
