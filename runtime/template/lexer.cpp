#include "runtime/template/lexer.h"

#include "runtime/template/run.h"
#include "runtime/template/unicode.h"

namespace runnel::jinja {
namespace {

constexpr uint32_t kMaxBrackets = 128;

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
bool starts_name(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || static_cast<uint8_t>(c) >= 0x80;
}

class Lexer {
 public:
  Lexer(std::string_view source, Arena& arena) noexcept : source_(source), arena_(arena) {}

  Status run(Array<Token>* tokens) noexcept {
    tokens_ = tokens;
    while (status_.ok() && at_ < source_.size()) lex_root();
    if (status_.ok()) push(TokenKind::end, {});
    return std::move(status_);
  }

 private:
  enum class Tag : uint8_t { print, block, comment };

  void fail(const char* problem) noexcept {
    if (status_.ok()) status_ = Status::error(Code::invalid_argument, "chat template: line %u: %s", line_, problem);
  }
  void push(TokenKind kind, std::string_view text) noexcept {
    if (status_.ok() && !tokens_->push({kind, line_, text})) status_ = out_of_memory("chat template", "its tokens");
  }
  char peek(size_t ahead = 0) const noexcept { return at_ + ahead < source_.size() ? source_[at_ + ahead] : '\0'; }
  bool looking_at(std::string_view what) const noexcept { return source_.substr(at_, what.size()) == what; }
  void advance(size_t count) noexcept {
    for (size_t i = 0; i < count; ++i) line_ += source_[at_ + i] == '\n';
    at_ += count;
  }
  void skip_space() noexcept {
    while (at_ < source_.size()) {
      size_t next = at_;
      if (!is_space(next_code_point(source_, &next))) return;
      advance(next - at_);
    }
  }

  // Text up to the next tag, then the tag.
  void lex_root() noexcept {
    size_t tag = at_;
    while (true) {
      tag = source_.find('{', tag);
      if (tag == std::string_view::npos || tag + 1 >= source_.size()) {
        push(TokenKind::text, source_.substr(at_));
        advance(source_.size() - at_);
        return;
      }
      const char second = source_[tag + 1];
      if (second == '{' || second == '%' || second == '#') break;
      ++tag;
    }
    const Tag kind = source_[tag + 1] == '{' ? Tag::print : source_[tag + 1] == '%' ? Tag::block : Tag::comment;
    const char sign = tag + 2 < source_.size() ? source_[tag + 2] : '\0';
    const std::string_view text = text_before(source_.substr(at_, tag - at_), kind, sign);
    if (!text.empty()) push(TokenKind::text, text);
    advance(tag - at_ + 2);
    if (sign == '-' || sign == '+') advance(1);
    if (kind == Tag::comment) return lex_comment();
    if (kind == Tag::block && lex_raw()) return;
    push(kind == Tag::print ? TokenKind::print_begin : TokenKind::block_begin, {});
    lex_tag(kind);
  }

  std::string_view text_before(std::string_view text, Tag kind, char sign) const noexcept {
    if (sign == '-') return strip(text, false, true);
    if (sign == '+' || kind == Tag::print) return text;
    const size_t newline = text.rfind('\n');
    const size_t line_begin = newline == std::string_view::npos ? 0 : newline + 1;
    if (line_begin == 0 && !line_starting_) return text;
    return strip(text.substr(line_begin), true, false).empty() ? text.substr(0, line_begin) : text;
  }

  // After a tag's closing mark: `strips` white space, or, for blocks, takes one newline.
  void end_tag(bool strips, bool trims) noexcept {
    const size_t begin = at_;
    if (strips)
      skip_space();
    else if (trims && peek() == '\n')
      advance(1);
    line_starting_ = at_ > begin && source_[at_ - 1] == '\n';
  }

  void lex_comment() noexcept {
    const size_t end = source_.find("#}", at_);
    if (end == std::string_view::npos) {
      fail("a comment without an end");
      at_ = source_.size();
      return;
    }
    const char sign = end > at_ ? source_[end - 1] : '\0';
    advance(end + 2 - at_);
    end_tag(sign == '-', sign != '+');
  }

  // {% raw %} ... {% endraw %}; false, nothing taken, when the tag is another.
  bool lex_raw() noexcept {
    const size_t begin = at_;
    const uint32_t line = line_;
    skip_space();
    if (!looking_at("raw")) return restore(begin, line);
    advance(3);
    skip_space();
    bool strips = false;
    if (looking_at("-%}"))
      strips = true, advance(3);
    else if (looking_at("%}"))
      advance(2);
    else
      return restore(begin, line);
    if (strips) skip_space();
    for (size_t tag = source_.find("{%", at_); tag != std::string_view::npos; tag = source_.find("{%", tag + 2)) {
      size_t i = tag + 2;
      const char sign = i < source_.size() ? source_[i] : '\0';
      if (sign == '-' || sign == '+') ++i;
      while (i < source_.size() && (source_[i] == ' ' || source_[i] == '\n' || source_[i] == '\t')) ++i;
      if (source_.substr(i, 6) != "endraw") continue;
      i += 6;
      while (i < source_.size() && (source_[i] == ' ' || source_[i] == '\n' || source_[i] == '\t')) ++i;
      const char closing = i < source_.size() ? source_[i] : '\0';
      if (closing == '-' || closing == '+') ++i;
      if (source_.substr(i, 2) != "%}") continue;
      line_starting_ = false;
      const std::string_view text = text_before(source_.substr(at_, tag - at_), Tag::block, sign);
      if (!text.empty()) push(TokenKind::text, text);
      advance(i + 2 - at_);
      end_tag(closing == '-', closing != '+');
      return true;
    }
    fail("a raw block without an end");
    at_ = source_.size();
    return true;
  }
  bool restore(size_t at, uint32_t line) noexcept {
    at_ = at;
    line_ = line;
    return false;
  }

  void lex_tag(Tag kind) noexcept {
    const std::string_view mark = kind == Tag::print ? "}}" : "%}";
    brackets_ = 0;
    while (status_.ok()) {
      skip_space();
      if (at_ >= source_.size()) return fail("a tag without an end");
      if (brackets_ == 0) {
        const bool strips = peek() == '-' && source_.substr(at_ + 1, 2) == mark;
        const bool keeps = peek() == '+' && kind == Tag::block && source_.substr(at_ + 1, 2) == mark;
        if (strips || keeps || looking_at(mark)) {
          push(kind == Tag::print ? TokenKind::print_end : TokenKind::block_end, {});
          advance(strips || keeps ? 3 : 2);
          return end_tag(strips, kind == Tag::block && !keeps);
        }
      }
      lex_token();
    }
  }

  void lex_token() noexcept {
    const char c = peek();
    if (c == '\'' || c == '"') return lex_string(c);
    if (is_digit(c)) return lex_number();
    size_t end = at_;
    if (starts_name(c)) {
      while (end < source_.size() && (starts_name(source_[end]) || is_digit(source_[end]))) ++end;
      push(TokenKind::name, source_.substr(at_, end - at_));
      return advance(end - at_);
    }
    for (std::string_view two : {"//", "**", "==", "!=", ">=", "<="})
      if (looking_at(two)) {
        push(TokenKind::op, source_.substr(at_, 2));
        return advance(2);
      }
    constexpr std::string_view kSingle = "+-/*%~[](){}><=.:|,;";
    if (c == '\0' || kSingle.find(c) == std::string_view::npos) return fail("a character that no expression has");
    if (c == '(' || c == '[' || c == '{') {
      if (brackets_ == kMaxBrackets) return fail("brackets nested deeper than 128");
      open_[brackets_++] = c;
    } else if (c == ')' || c == ']' || c == '}') {
      const char opening = c == ')' ? '(' : c == ']' ? '[' : '{';
      if (brackets_ == 0 || open_[--brackets_] != opening) return fail("a bracket that closes nothing");
    }
    push(TokenKind::op, source_.substr(at_, 1));
    advance(1);
  }

  void lex_number() noexcept {
    size_t end = at_;
    const auto digits = [&] {
      while (end < source_.size() && (is_digit(source_[end]) || source_[end] == '_')) ++end;
    };
    digits();
    bool real = false;
    if (end + 1 < source_.size() && source_[end] == '.' && is_digit(source_[end + 1])) {
      real = true;
      ++end;
      digits();
    }
    if (end < source_.size() && (source_[end] == 'e' || source_[end] == 'E')) {
      size_t exponent = end + 1;
      if (exponent < source_.size() && (source_[exponent] == '+' || source_[exponent] == '-')) ++exponent;
      if (exponent < source_.size() && is_digit(source_[exponent])) {
        real = true;
        end = exponent;
        digits();
      }
    }
    push(real ? TokenKind::real : TokenKind::integer, source_.substr(at_, end - at_));
    advance(end - at_);
  }

  void lex_string(char quote) noexcept {
    size_t end = at_ + 1;
    bool escapes = false;
    while (end < source_.size() && source_[end] != quote) {
      if (source_[end] == '\\') {
        escapes = true;
        ++end;
      }
      ++end;
    }
    if (end >= source_.size()) return fail("a string without an end");
    const std::string_view raw = source_.substr(at_ + 1, end - at_ - 1);
    push(TokenKind::string, escapes ? unescape(raw) : raw);
    advance(end + 1 - at_);
  }

  static bool read_hex(std::string_view s, uint32_t* out) noexcept {
    uint32_t value = 0;
    for (char c : s) {
      const char lower = static_cast<char>(c | 0x20);
      if (is_digit(c))
        value = value * 16 + static_cast<uint32_t>(c - '0');
      else if (lower >= 'a' && lower <= 'f')
        value = value * 16 + static_cast<uint32_t>(lower - 'a' + 10);
      else
        return false;
    }
    *out = value;
    return true;
  }

  // Python's escapes. An unknown one stays as written.
  std::string_view unescape(std::string_view raw) noexcept {
    Run run(arena_, UINT64_MAX, 0);
    Text text(run);
    for (size_t i = 0; i < raw.size() && status_.ok(); ++i) {
      if (raw[i] != '\\' || i + 1 == raw.size()) {
        text.append(raw[i]);
        continue;
      }
      const char c = raw[++i];
      constexpr std::string_view kNames = "\\'\"abfnrtv", kValues = "\\'\"\a\b\f\n\r\t\v";
      if (const size_t k = kNames.find(c); k != std::string_view::npos) {
        text.append(kValues[k]);
      } else if (c == 'x' || c == 'u' || c == 'U') {
        const size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : 8;
        uint32_t value = 0;
        if (raw.size() - i - 1 < digits || !read_hex(raw.substr(i + 1, digits), &value) || value > 0x10FFFF ||
            (value >= 0xD800 && value <= 0xDFFF)) {
          fail("an escape in a string that is no character");
          break;
        }
        text.append_code_point(value);
        i += digits;
      } else if (c >= '0' && c <= '7') {
        uint32_t value = 0;
        size_t k = 0;
        for (; k < 3 && i + k < raw.size() && raw[i + k] >= '0' && raw[i + k] <= '7'; ++k)
          value = value * 8 + static_cast<uint32_t>(raw[i + k] - '0');
        text.append_code_point(value);
        i += k - 1;
      } else if (c != '\n') {
        text.append('\\');
        text.append(c);
      }
    }
    if (run.failed() && status_.ok()) status_ = run.take_status();
    return text.view();
  }

  std::string_view source_;
  Arena& arena_;
  Array<Token>* tokens_ = nullptr;
  Status status_;
  size_t at_ = 0;
  uint32_t line_ = 1;
  bool line_starting_ = true;
  uint32_t brackets_ = 0;
  char open_[kMaxBrackets];
};

}  // namespace

Result<Array<Token>> tokenize(std::string_view source, Arena& arena) noexcept {
  Array<Token> tokens;
  RUNNEL_TRY(Lexer(source, arena).run(&tokens));
  return tokens;
}

}  // namespace runnel::jinja
