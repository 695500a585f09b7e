// Oniguruma's Ruby syntax in PCRE2's terms. The two agree but for the character classes behind \s, \w and \h, the
// anchors ^ and $, which are per line in Ruby, and set operations inside brackets, which PCRE2 does not have.
#include "converters/text.h"
#include "converters/tokenizer/tokenizer_spec.h"

namespace runnel {
namespace {

// Unicode's White_Space; PCRE2's \s takes U+180E as well.
constexpr std::string_view kSpaces =
    R"(\t-\r \x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000})";
constexpr std::string_view kWords = R"(\p{L}\p{M}\p{Nd}\p{Pc})";
constexpr std::string_view kHex = "0-9A-Fa-f";

// The class's content for an escape, empty when PCRE2 reads it as Oniguruma does.
std::string_view class_of(char escape) {
  switch (escape) {
    case 's':
    case 'S': return kSpaces;
    case 'w':
    case 'W': return kWords;
    case 'h':
    case 'H': return kHex;
    default: return {};
  }
}

}  // namespace

Result<std::string> pcre2_pattern(std::string_view pattern, const char* who) {
  std::string out;
  bool has_anchor = false;
  bool in_class = false;
  size_t class_begin = 0;
  const auto refuse = [&](const char* what) {
    return Status::error(Code::unsupported, "%s: the pattern %s has %s", who, in_quotes(pattern).c_str(), what);
  };
  for (size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c == '\\' && i + 1 < pattern.size()) {
      const char escape = pattern[++i];
      const std::string_view content = class_of(escape);
      const bool negated = escape == 'S' || escape == 'W' || escape == 'H';
      if (content.empty()) {
        out += c;
        out += escape;
      } else if (!in_class) {
        out += negated ? "[^" : "[";
        out += content;
        out += ']';
      } else if (negated) {
        return refuse("a negated class inside brackets");
      } else {
        out += content;
      }
      continue;
    }
    if (in_class) {
      if (c == '[' && i + 1 < pattern.size() && pattern[i + 1] != ':') return refuse("brackets inside brackets");
      if (c == '&' && i + 1 < pattern.size() && pattern[i + 1] == '&') return refuse("an intersection of classes");
      if (c == '[') {  // [:name:]
        const size_t end = pattern.find(":]", i + 2);
        if (end == std::string_view::npos) return refuse("an open [: :]");
        out += pattern.substr(i, end + 2 - i);
        i = end + 1;
        continue;
      }
      if (c == ']' && i > class_begin) in_class = false;
      out += c;
      continue;
    }
    if (c == '[') {
      in_class = true;
      class_begin = i + 1;
      if (class_begin < pattern.size() && pattern[class_begin] == '^') ++class_begin;
    }
    has_anchor |= c == '^' || c == '$';
    out += c;
  }
  return has_anchor ? "(?m)" + out : out;
}

}  // namespace runnel
