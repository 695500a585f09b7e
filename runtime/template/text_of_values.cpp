// str(), repr() and json.dumps() of values.
#include <charconv>
#include <cmath>
#include <cstdio>

#include "runtime/template/operations.h"
#include "runtime/template/unicode.h"

namespace runnel::jinja {
namespace {

void append_integer(int64_t value, Text* out) noexcept {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  out->append(std::string_view(digits, static_cast<size_t>(end - digits)));
}

// Python's repr of a float: shortest digits that read back equal, exponent form outside 1e-4..1e16.
void append_real(double value, bool json, Text* out) noexcept {
  if (std::isnan(value)) return out->append(json ? "NaN" : "nan");
  if (std::isinf(value)) return out->append(value < 0 ? (json ? "-Infinity" : "-inf") : (json ? "Infinity" : "inf"));
  char digits[64];
  const double size = std::fabs(value);
  const bool fixed = size == 0 || (size >= 1e-4 && size < 1e16);
  const auto end = std::to_chars(digits, digits + sizeof digits, value,
                                 fixed ? std::chars_format::fixed : std::chars_format::scientific)
                       .ptr;
  const std::string_view text(digits, static_cast<size_t>(end - digits));
  out->append(text);
  if (fixed && text.find('.') == std::string_view::npos) out->append(".0");
}

void append_hex(const char* format, uint32_t value, Text* out) noexcept {
  char text[16];
  out->append(std::string_view(text, static_cast<size_t>(std::snprintf(text, sizeof text, format, value))));
}

void append_quoted_python(std::string_view s, Text* out) noexcept {
  const bool has_single = s.find('\'') != std::string_view::npos, has_double = s.find('"') != std::string_view::npos;
  const char quote = has_single && !has_double ? '"' : '\'';
  out->append(quote);
  for (size_t at = 0; at < s.size();) {
    const size_t begin = at;
    const uint32_t c = next_code_point(s, &at);
    if (c == '\\' || c == static_cast<uint32_t>(quote)) {
      out->append('\\');
      out->append(static_cast<char>(c));
    } else if (c == '\n') {
      out->append("\\n");
    } else if (c == '\r') {
      out->append("\\r");
    } else if (c == '\t') {
      out->append("\\t");
    } else if (is_printable(c)) {
      out->append(s.substr(begin, at - begin));
    } else {
      append_hex(c < 0x100 ? "\\x%02x" : c < 0x10000 ? "\\u%04x" : "\\U%08x", c, out);
    }
  }
  out->append(quote);
}

void append_quoted_json(std::string_view s, bool ascii, Text* out) noexcept {
  out->append('"');
  for (size_t at = 0; at < s.size();) {
    const size_t begin = at;
    const uint32_t c = next_code_point(s, &at);
    switch (c) {
      case '"': out->append("\\\""); break;
      case '\\': out->append("\\\\"); break;
      case '\n': out->append("\\n"); break;
      case '\r': out->append("\\r"); break;
      case '\t': out->append("\\t"); break;
      case '\f': out->append("\\f"); break;
      case '\b': out->append("\\b"); break;
      default:
        if (c < 0x20 || (ascii && c >= 0x7F && c < 0x10000)) {
          append_hex("\\u%04x", c, out);
        } else if (ascii && c >= 0x10000) {
          append_hex("\\u%04x", 0xD800 + ((c - 0x10000) >> 10), out);
          append_hex("\\u%04x", 0xDC00 + ((c - 0x10000) & 0x3FF), out);
        } else {
          out->append(s.substr(begin, at - begin));
        }
    }
  }
  out->append('"');
}

void append_repr_list(Run& run, const List* list, std::string_view open, std::string_view close, Text* out) noexcept {
  out->append(open);
  for (uint32_t i = 0; i < list->count && !run.failed(); ++i) {
    if (i != 0) out->append(", ");
    append_repr(run, list->items[i], out);
  }
  out->append(close);
}

}  // namespace

void append_escaped(std::string_view s, Text* out) noexcept {
  for (char c : s) {
    switch (c) {
      case '&': out->append("&amp;"); break;
      case '<': out->append("&lt;"); break;
      case '>': out->append("&gt;"); break;
      case '"': out->append("&#34;"); break;
      case '\'': out->append("&#39;"); break;
      default: out->append(c);
    }
  }
}

void append_repr(Run& run, const Value& a, Text* out) noexcept {
  Nesting nesting(run);
  if (!nesting || !run.spend(1)) return;
  switch (a.kind) {
    case Kind::undefined: return out->append("Undefined");
    case Kind::none: return out->append("None");
    case Kind::boolean: return out->append(a.boolean ? "True" : "False");
    case Kind::integer: return append_integer(a.integer, out);
    case Kind::real: return append_real(a.real, false, out);
    case Kind::string: return append_quoted_python(a.view(), out);
    case Kind::list: return append_repr_list(run, a.list, "[", "]", out);
    case Kind::tuple: return append_repr_list(run, a.list, "(", a.list->count == 1 ? ",)" : ")", out);
    case Kind::dict:
    case Kind::space:
      out->append(a.is(Kind::dict) ? "{" : "<Namespace {");
      for (uint32_t i = 0; i < a.dict->count && !run.failed(); ++i) {
        if (i != 0) out->append(", ");
        append_repr(run, a.dict->entries[i].key, out);
        out->append(": ");
        append_repr(run, a.dict->entries[i].value, out);
      }
      return out->append(a.is(Kind::dict) ? "}" : "}>");
    default: run.raise("a %s has no text", type_name(a));
  }
}

void append_text(Run& run, const Value& a, Text* out) noexcept {
  if (a.is(Kind::undefined)) return;
  if (a.is(Kind::string)) return out->append(a.view());
  append_repr(run, a, out);
}

Value to_text(Run& run, const Value& a) noexcept {
  if (a.is(Kind::string)) return a;
  Text text(run);
  append_text(run, a, &text);
  return text.value();
}

namespace {

class JsonWriter {
 public:
  JsonWriter(Run& run, const JsonStyle& style, Text* out) noexcept : run_(run), style_(style), out_(out) {}

  void append(const Value& a, int64_t level) noexcept {
    Nesting nesting(run_);
    if (!nesting || !run_.spend(1)) return;
    switch (a.kind) {
      case Kind::none: return out_->append("null");
      case Kind::boolean: return out_->append(a.boolean ? "true" : "false");
      case Kind::integer: return append_integer(a.integer, out_);
      case Kind::real: return append_real(a.real, true, out_);
      case Kind::string: return append_quoted_json(a.view(), style_.ascii, out_);
      case Kind::list:
      case Kind::tuple: return append_list(a.list, level);
      case Kind::dict: return append_dict(a.dict, level);
      default: run_.raise("object of type %s is not JSON serializable", type_name(a));
    }
  }

 private:
  void separate(uint32_t i, int64_t level) noexcept {
    if (i != 0) out_->append(style_.indent < 0 ? style_.item_separator : ",");
    break_line(level + 1);
  }
  void break_line(int64_t level) noexcept {
    if (style_.indent < 0) return;
    out_->append('\n');
    out_->append_repeated(' ', static_cast<size_t>(style_.indent * level));
  }
  void append_list(const List* list, int64_t level) noexcept {
    if (list->count == 0) return out_->append("[]");
    out_->append('[');
    for (uint32_t i = 0; i < list->count && !run_.failed(); ++i) {
      separate(i, level);
      append(list->items[i], level + 1);
    }
    break_line(level);
    out_->append(']');
  }
  void append_dict(const Dict* dict, int64_t level) noexcept {
    if (dict->count == 0) return out_->append("{}");
    out_->append('{');
    const Entry* previous = nullptr;
    for (uint32_t i = 0; i < dict->count && !run_.failed(); ++i) {
      const Entry* entry = style_.sort_keys ? next_in_order(dict, previous) : &dict->entries[i];
      if (entry == nullptr) break;
      previous = entry;
      separate(i, level);
      append_key(entry->key);
      out_->append(style_.key_separator);
      append(entry->value, level + 1);
    }
    break_line(level);
    out_->append('}');
  }
  // The smallest key above the previous one's: keys differ, so each is found once.
  const Entry* next_in_order(const Dict* dict, const Entry* previous) noexcept {
    const Entry* best = nullptr;
    for (uint32_t i = 0; i < dict->count && !run_.failed(); ++i) {
      const Entry& entry = dict->entries[i];
      if (previous != nullptr && !less(run_, previous->key, entry.key)) continue;
      if (best == nullptr || less(run_, entry.key, best->key)) best = &entry;
    }
    return best;
  }
  void append_key(const Value& key) noexcept {
    if (key.is(Kind::string)) return append_quoted_json(key.view(), style_.ascii, out_);
    out_->append('"');
    append(key, 0);
    out_->append('"');
  }

  Run& run_;
  const JsonStyle& style_;
  Text* out_;
};

}  // namespace

void append_json(Run& run, const Value& a, const JsonStyle& style, Text* out) noexcept {
  JsonWriter(run, style, out).append(a, 0);
}

}  // namespace runnel::jinja
