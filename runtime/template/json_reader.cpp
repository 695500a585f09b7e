// JSON text to values, as json.loads reads it: keys keep their order, the last of equal keys wins.
#include <charconv>

#include "runtime/template/operations.h"
#include "runtime/template/unicode.h"

namespace runnel::jinja {
namespace {

constexpr uint32_t kMaxDepth = 64;

class JsonReader {
 public:
  JsonReader(Run& run, std::string_view json, const char* what) noexcept : run_(run), json_(json), what_(what) {}

  Value read() noexcept {
    if (!is_valid_utf8(json_)) return refuse("bytes that are no UTF-8");
    const Value value = read_value(0);
    skip_space();
    if (!run_.failed() && at_ != json_.size()) return refuse("more after the value");
    return value;
  }

 private:
  Value refuse(const char* problem) noexcept {
    return run_.fail(Code::invalid_argument, "chat template: %s: %s at byte %zu", what_, problem, at_);
  }
  void skip_space() noexcept {
    while (at_ < json_.size() && (json_[at_] == ' ' || json_[at_] == '\n' || json_[at_] == '\r' || json_[at_] == '\t'))
      ++at_;
  }
  bool take(char c) noexcept {
    skip_space();
    if (at_ >= json_.size() || json_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool take_word(std::string_view word) noexcept {
    if (json_.substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }

  Value read_value(uint32_t depth) noexcept {
    if (depth > kMaxDepth) return refuse("nesting deeper than 64");
    if (!run_.spend(1)) return {};
    skip_space();
    if (at_ >= json_.size()) return refuse("the text ends before the value does");
    switch (json_[at_]) {
      case '{': return read_object(depth);
      case '[': return read_array(depth);
      case '"': return read_string();
      case 't':
        if (take_word("true")) return Value::of(true);
        break;
      case 'f':
        if (take_word("false")) return Value::of(false);
        break;
      case 'n':
        if (take_word("null")) return Value::none();
        break;
      default: return read_number();
    }
    return refuse("no JSON value");
  }

  Value read_object(uint32_t depth) noexcept {
    Dict* dict = run_.make<Dict>();
    ++at_;
    if (take('}')) return dict == nullptr ? Value{} : Value::of(dict);
    do {
      skip_space();
      if (at_ >= json_.size() || json_[at_] != '"') return refuse("no key in an object");
      const Value key = read_string();
      if (run_.failed()) return {};
      if (!take(':')) return refuse("no ':' after a key");
      const Value value = read_value(depth + 1);
      if (run_.failed() || !run_.set(dict, key, value)) return {};
    } while (take(','));
    return take('}') ? Value::of(dict) : refuse("no ',' or '}' in an object");
  }

  Value read_array(uint32_t depth) noexcept {
    List* list = run_.new_list();
    ++at_;
    if (take(']')) return list == nullptr ? Value{} : Value::of(list, Kind::list);
    do {
      const Value value = read_value(depth + 1);
      if (run_.failed() || !run_.push(list, value)) return {};
    } while (take(','));
    return take(']') ? Value::of(list, Kind::list) : refuse("no ',' or ']' in an array");
  }

  bool read_hex(uint32_t* out) noexcept {
    if (json_.size() - at_ < 4) return false;
    const char* begin = json_.data() + at_;
    const auto result = std::from_chars(begin, begin + 4, *out, 16);
    at_ += 4;
    return result.ec == std::errc() && result.ptr == begin + 4;
  }

  Value read_string() noexcept {
    const size_t begin = ++at_;
    const size_t end = json_.find_first_of("\"\\", begin);
    if (end != std::string_view::npos && json_[end] == '"') {  // no escapes: one copy
      for (size_t i = begin; i < end; ++i)
        if (static_cast<uint8_t>(json_[i]) < 0x20) return refuse("a control character in a string");
      at_ = end + 1;
      return run_.string(json_.substr(begin, end - begin));
    }
    Text text(run_);
    while (at_ < json_.size() && !run_.failed()) {
      const char c = json_[at_++];
      if (c == '"') return text.value();
      if (static_cast<uint8_t>(c) < 0x20) return refuse("a control character in a string");
      if (c != '\\') {
        text.append(c);
      } else if (!read_escape(&text)) {
        return refuse("an escape that JSON does not know");
      }
    }
    return refuse("a string without an end");
  }

  bool read_escape(Text* text) noexcept {
    constexpr std::string_view kNames = "\"\\/bfnrt", kValues = "\"\\/\b\f\n\r\t";
    if (at_ >= json_.size()) return false;
    const char c = json_[at_++];
    if (const size_t i = kNames.find(c); i != std::string_view::npos) {
      text->append(kValues[i]);
      return true;
    }
    uint32_t high = 0, low = 0;
    if (c != 'u' || !read_hex(&high)) return false;
    if (high >= 0xD800 && high < 0xDC00) {  // half of a pair
      if (!take_word("\\u") || !read_hex(&low) || low < 0xDC00 || low > 0xDFFF) return false;
      high = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
    } else if (high >= 0xDC00 && high <= 0xDFFF) {
      return false;
    }
    text->append_code_point(high);
    return true;
  }

  Value read_number() noexcept {
    const size_t begin = at_;
    if (at_ < json_.size() && json_[at_] == '-') ++at_;
    const auto digits = [&] {
      const size_t first = at_;
      while (at_ < json_.size() && json_[at_] >= '0' && json_[at_] <= '9') ++at_;
      return at_ - first;
    };
    const size_t whole_at = at_, whole = digits();
    if (whole == 0 || (whole > 1 && json_[whole_at] == '0')) return refuse("no JSON value");
    bool real = false;
    if (at_ < json_.size() && json_[at_] == '.') {
      ++at_;
      real = true;
      if (digits() == 0) return refuse("no digit after the point");
    }
    if (at_ < json_.size() && (json_[at_] == 'e' || json_[at_] == 'E')) {
      ++at_;
      real = true;
      if (at_ < json_.size() && (json_[at_] == '+' || json_[at_] == '-')) ++at_;
      if (digits() == 0) return refuse("no digit in the exponent");
    }
    const char* first = json_.data() + begin;
    const char* last = json_.data() + at_;
    if (!real) {
      int64_t value = 0;
      if (std::from_chars(first, last, value).ec != std::errc()) return refuse("an integer that does not fit 64 bits");
      return Value::of(value);
    }
    double value = 0;
    if (std::from_chars(first, last, value).ec != std::errc()) return refuse("a number out of range");
    return Value::of(value);
  }

  Run& run_;
  std::string_view json_;
  const char* what_;
  size_t at_ = 0;
};

}  // namespace

Value parse_json(Run& run, std::string_view json, const char* what) noexcept {
  return JsonReader(run, json, what).read();
}

}  // namespace runnel::jinja
