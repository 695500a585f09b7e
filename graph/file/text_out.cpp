#include "graph/file/text_out.h"

#include <cstdio>

namespace runnel {

void TextOut::print(const char* format, ...) noexcept {
  char line[256];
  va_list args, again;
  va_start(args, format);
  va_copy(again, args);
  const int length = std::vsnprintf(line, sizeof line, format, args);
  va_end(args);
  const size_t bytes = length < 0 ? 0 : static_cast<size_t>(length);
  ok_ = ok_ && length >= 0;
  if (ok_ && bytes < sizeof line) {
    ok_ = out_.append({line, bytes});
  } else if (ok_) {
    const size_t at = out_.size();
    ok_ = out_.resize(at + bytes + 1);  // vsnprintf ends with a zero, which is not part of the text
    if (ok_) std::vsnprintf(out_.data() + at, bytes + 1, format, again);
    out_.truncate(at + (ok_ ? bytes : 0));
  }
  va_end(again);
}

void TextOut::escaped(std::string_view text) noexcept {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\n') {
      print("\\n");
    } else if (c == '\t') {
      print("\\t");
    } else if (c == '\\') {
      print("\\\\");
    } else if (byte < 0x20 || byte == 0x7f) {
      print("\\x%02x", byte);
    } else {
      ok_ = ok_ && out_.push(c);
    }
  }
}

void TextOut::size(uint64_t bytes) noexcept {
  const char* units[] = {"B", "KB", "MB", "GB", "TB"};
  double value = static_cast<double>(bytes);
  int unit = 0;
  for (; value >= 1024 && unit < 4; ++unit) value /= 1024;
  print(unit == 0 ? "%.0f %s" : "%.2f %s", value, units[unit]);
}

}  // namespace runnel
