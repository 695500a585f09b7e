// Foreign text made fit for a one-line message.
#pragma once

#include <string>
#include <string_view>

namespace runnel {

// 'text' in single quotes: at most 96 bytes, whatever a terminal could act on as \xNN.
inline std::string in_quotes(std::string_view text) {
  constexpr size_t kMost = 96;
  constexpr char kHex[] = "0123456789abcdef";
  std::string out = "'";
  for (size_t i = 0; i < text.size() && i < kMost; ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x20 || byte == 0x7f || byte == '\'' || byte == '\\') {
      out += "\\x";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    } else {
      out += text[i];
    }
  }
  out += text.size() > kMost ? "...'" : "'";
  return out;
}

}  // namespace runnel
