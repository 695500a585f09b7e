// Filters on text and numbers, and the table of all filters: a row adds one.
#include <charconv>
#include <cmath>

#include "runtime/template/filters.h"
#include "runtime/template/methods.h"
#include "runtime/template/unicode.h"

namespace runnel::jinja {
namespace {

bool argument_true(const Args& args, uint32_t index, std::string_view name, bool otherwise) noexcept {
  const Value* value = args.find(index, name);
  return value == nullptr ? otherwise : is_true(*value);
}

Value filter_string(Run& run, const Value& self, const Args&) noexcept { return to_text(run, self); }

Value filter_safe(Run& run, const Value& self, const Args&) noexcept {
  Value text = to_text(run, self);
  text.markup = text.is(Kind::string);
  return text;
}

Value filter_escape(Run& run, const Value& self, const Args&) noexcept {
  Value text = to_text(run, self);
  if (run.failed() || text.markup) return text;
  Text out(run);
  append_escaped(text.view(), &out);
  text = out.value();
  text.markup = true;
  return text;
}

Value filter_trim(Run& run, const Value& self, const Args& args) noexcept {
  const Value text = to_text(run, self);
  return run.failed() ? Value{} : str_strip(run, text, args);
}
Value filter_lower(Run& run, const Value& self, const Args& args) noexcept {
  const Value text = to_text(run, self);
  return run.failed() ? Value{} : str_lower(run, text, args);
}
Value filter_upper(Run& run, const Value& self, const Args& args) noexcept {
  const Value text = to_text(run, self);
  return run.failed() ? Value{} : str_upper(run, text, args);
}
Value filter_capitalize(Run& run, const Value& self, const Args& args) noexcept {
  const Value text = to_text(run, self);
  return run.failed() ? Value{} : str_capitalize(run, text, args);
}
Value filter_title(Run& run, const Value& self, const Args& args) noexcept {
  const Value text = to_text(run, self);
  return run.failed() ? Value{} : str_title(run, text, args);
}
Value filter_replace(Run& run, const Value& self, const Args& args) noexcept {
  const Value text = to_text(run, self);
  return run.failed() ? Value{} : str_replace(run, text, args);
}

Value filter_length(Run& run, const Value& self, const Args&) noexcept { return Value::of(length_of(run, self)); }

Value filter_default(Run&, const Value& self, const Args& args) noexcept {
  const Value* otherwise = args.find(0, "default_value");
  const bool missing = self.is(Kind::undefined) || (argument_true(args, 1, "boolean", false) && !is_true(self));
  if (!missing) return self;
  return otherwise == nullptr ? Value::of(std::string_view("")) : *otherwise;
}

Value filter_tojson(Run& run, const Value& self, const Args& args) noexcept {
  JsonStyle style;
  style.ascii = argument_true(args, 0, "ensure_ascii", false);
  style.sort_keys = argument_true(args, 3, "sort_keys", false);
  if (const Value* indent = args.find(1, "indent"); indent != nullptr && !indent->is(Kind::none)) {
    if (!indent->is(Kind::integer) || indent->integer < 0 || indent->integer > 64)
      return run.raise("tojson: an indent is 0 to 64");
    style.indent = indent->integer;
  }
  if (const Value* separators = args.find(2, "separators"); separators != nullptr && !separators->is(Kind::none)) {
    if (!separators->is_sequence() || separators->list->count != 2 || !separators->list->items[0].is(Kind::string) ||
        !separators->list->items[1].is(Kind::string))
      return run.raise("tojson: separators are two strings");
    style.item_separator = separators->list->items[0].view();
    style.key_separator = separators->list->items[1].view();
  }
  Text out(run);
  append_json(run, self, style, &out);
  return out.value();
}

// s with every line but the first indented; `first` and `blank` as Jinja has them.
Value filter_indent(Run& run, const Value& self, const Args& args) noexcept {
  const Value text = to_text(run, self);
  if (run.failed()) return {};
  const Value* width = args.find(0, "width");
  Text indent(run);
  if (width == nullptr) {
    indent.append_repeated(' ', 4);
  } else if (width->is(Kind::string)) {
    indent.append(width->view());
  } else if (width->is(Kind::integer) && width->integer >= 0 && width->integer <= 1024) {
    indent.append_repeated(' ', static_cast<size_t>(width->integer));
  } else {
    return run.raise("indent: a width is a string or 0 to 1024");
  }
  const bool blank = argument_true(args, 2, "blank", false);
  const Value lines_value = str_splitlines(run, run.concat(text.view(), "\n"), {});
  if (run.failed()) return {};
  const List* lines = lines_value.list;
  Text out(run);
  if (argument_true(args, 1, "first", false)) out.append(indent.view());
  for (uint32_t i = 0; i < lines->count; ++i) {
    const std::string_view line = lines->items[i].view();
    if (i != 0) {
      out.append('\n');
      if (blank || !line.empty()) out.append(indent.view());
    }
    out.append(line);
  }
  return out.value();
}

Value filter_int(Run&, const Value& self, const Args& args) noexcept {
  const Value* given = args.find(0, "default");
  const Value otherwise = given == nullptr ? Value::of(int64_t{0}) : *given;
  if (self.is(Kind::integer)) return self;
  if (self.is(Kind::boolean)) return Value::of(to_integer(self));
  double real = 0;
  if (self.is(Kind::real)) {
    real = self.real;
  } else if (self.is(Kind::string)) {
    std::string_view s = strip(self.view(), true, true);
    if (s.starts_with("+")) s.remove_prefix(1);
    int64_t value = 0;
    const char* end = s.data() + s.size();
    if (const auto result = std::from_chars(s.data(), end, value); result.ec == std::errc() && result.ptr == end)
      return Value::of(value);
    const auto result = std::from_chars(s.data(), end, real);
    if (result.ec != std::errc() || result.ptr != end) return otherwise;
  } else {
    return otherwise;
  }
  return std::fabs(real) < 9.2e18 ? Value::of(static_cast<int64_t>(real)) : otherwise;
}

Value filter_float(Run&, const Value& self, const Args& args) noexcept {
  const Value* given = args.find(0, "default");
  if (self.is_number()) return Value::of(to_real(self));
  if (self.is(Kind::string)) {
    std::string_view s = strip(self.view(), true, true);
    if (s.starts_with("+")) s.remove_prefix(1);
    double value = 0;
    const auto result = std::from_chars(s.data(), s.data() + s.size(), value);
    if (result.ec == std::errc() && result.ptr == s.data() + s.size()) return Value::of(value);
  }
  return given == nullptr ? Value::of(0.0) : *given;
}

Value filter_abs(Run& run, const Value& self, const Args&) noexcept {
  if (!self.is_number()) return run.raise("abs of a %s", type_name(self));
  return to_real(self) < 0 ? negate(run, self) : self.is(Kind::boolean) ? Value::of(to_integer(self)) : self;
}

Value filter_round(Run& run, const Value& self, const Args& args) noexcept {
  if (!self.is_number()) return run.raise("round of a %s", type_name(self));
  const Value* digits = args.find(0, "precision");
  const Value* method = args.find(1, "method");
  const int64_t precision = digits != nullptr && digits->is(Kind::integer) ? digits->integer : 0;
  if (precision < -15 || precision > 15) return run.raise("round: a precision is -15 to 15");
  const double scale = std::pow(10.0, static_cast<double>(precision)), scaled = to_real(self) * scale;
  if (!std::isfinite(scaled)) return self;
  const std::string_view how = method != nullptr && method->is(Kind::string) ? method->view() : "common";
  if (how == "ceil") return Value::of(std::ceil(scaled) / scale);
  if (how == "floor") return Value::of(std::floor(scaled) / scale);
  return Value::of(std::nearbyint(scaled) / scale);  // half to even, as Python
}

Value filter_attr(Run& run, const Value& self, const Args& args) noexcept {
  const Value* name = args.find(0, "name");
  if (name == nullptr || !name->is(Kind::string)) return run.raise("attr: no name");
  return get_attribute(run, self, name->view());
}

Value filter_items(Run& run, const Value& self, const Args&) noexcept {
  if (self.is(Kind::undefined)) {
    List* none = run.new_list();
    return none == nullptr ? Value{} : Value::of(none, Kind::generator);
  }
  if (!self.is(Kind::dict)) return run.raise("items: a mapping is needed, not %s", type_name(self));
  const Value items = items_of(run, self.dict);
  if (!run.failed()) items.list->is_view = false;  // Jinja's filter makes a generator
  return items;
}

constexpr NativeRow kFilters[] = {
    {"abs", filter_abs},           {"attr", filter_attr},       {"capitalize", filter_capitalize},
    {"count", filter_length},      {"d", filter_default},       {"default", filter_default},
    {"dictsort", filter_dictsort}, {"e", filter_escape},        {"escape", filter_escape},
    {"first", filter_first},       {"float", filter_float},     {"indent", filter_indent},
    {"int", filter_int},           {"items", filter_items},     {"join", filter_join},
    {"last", filter_last},         {"length", filter_length},   {"list", filter_list},
    {"lower", filter_lower},       {"map", filter_map},         {"max", filter_max},
    {"min", filter_min},           {"reject", filter_reject},   {"rejectattr", filter_rejectattr},
    {"replace", filter_replace},   {"reverse", filter_reverse}, {"round", filter_round},
    {"safe", filter_safe},         {"select", filter_select},   {"selectattr", filter_selectattr},
    {"sort", filter_sort},         {"string", filter_string},   {"sum", filter_sum},
    {"title", filter_title},       {"tojson", filter_tojson},   {"trim", filter_trim},
    {"unique", filter_unique},     {"upper", filter_upper},
};

}  // namespace

Native find_filter(std::string_view name) noexcept {
  for (const NativeRow& row : kFilters)
    if (row.name == name) return row.native;
  return nullptr;
}

}  // namespace runnel::jinja
