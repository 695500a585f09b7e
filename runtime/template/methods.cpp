// Python's methods of strings, lists and dicts, and what `loop` offers.
#include "runtime/template/methods.h"

#include "runtime/template/unicode.h"

namespace runnel::jinja {
namespace {

Value strip_ends(Run& run, const Value& self, const Args& args, bool left, bool right) noexcept {
  const Value* characters = args.find(0, "chars");
  std::string_view set;
  if (characters != nullptr && !characters->is(Kind::none)) {
    if (!characters->is(Kind::string)) return run.raise("strip takes a string, not %s", type_name(*characters));
    set = characters->view();
    if (set.empty()) return self;
  }
  if (!run.spend((uint64_t{self.size_bytes} * (set.size() + 1)) / 64)) return {};
  Value result = Value::of(strip(self.view(), left, right, set));
  result.markup = self.markup;
  return result;
}

Value map_case(Run& run, const Value& self, bool first_upper, bool each_word, bool upper) noexcept {
  Text out(run);
  bool starts = true;
  const std::string_view s = self.view();
  for (size_t at = 0; at < s.size() && !run.failed();) {
    const uint32_t c = next_code_point(s, &at);
    out.append_code_point(upper || (first_upper && starts) ? to_upper(c) : to_lower(c));
    starts = each_word && !is_letter(c);
  }
  return out.value();
}

const Value* string_argument(Run& run, const Args& args, uint32_t index, std::string_view name) noexcept {
  const Value* value = args.find(index, name);
  if (value != nullptr && value->is(Kind::string)) return value;
  run.raise("a string method wants a string as '%.*s'", static_cast<int>(name.size()), name.data());
  return nullptr;
}

int64_t integer_argument(const Args& args, uint32_t index, std::string_view name, int64_t otherwise) noexcept {
  const Value* value = args.find(index, name);
  return value == nullptr || (!value->is(Kind::integer) && !value->is(Kind::boolean)) ? otherwise : to_integer(*value);
}

Value str_lstrip(Run& run, const Value& self, const Args& args) noexcept {
  return strip_ends(run, self, args, true, false);
}
Value str_rstrip(Run& run, const Value& self, const Args& args) noexcept {
  return strip_ends(run, self, args, false, true);
}

// A prefix or suffix: one string or a tuple of them.
Value affix(Run& run, const Value& self, const Args& args, bool at_start) noexcept {
  if (args.count < 1) return run.raise("startswith and endswith take a string");
  const Value& given = args.values[0];
  const Value* choices = given.is(Kind::tuple) ? given.list->items : &given;
  const uint32_t count = given.is(Kind::tuple) ? given.list->count : 1;
  for (uint32_t i = 0; i < count; ++i) {
    if (!choices[i].is(Kind::string))
      return run.raise("startswith and endswith take a string, not %s", type_name(choices[i]));
    if (!run.spend(1 + choices[i].size_bytes / 64)) return {};
    if (at_start ? self.view().starts_with(choices[i].view()) : self.view().ends_with(choices[i].view()))
      return Value::of(true);
  }
  return Value::of(false);
}
Value str_startswith(Run& run, const Value& self, const Args& args) noexcept { return affix(run, self, args, true); }
Value str_endswith(Run& run, const Value& self, const Args& args) noexcept { return affix(run, self, args, false); }

Value str_removeprefix(Run& run, const Value& self, const Args& args) noexcept {
  const Value* prefix = string_argument(run, args, 0, "prefix");
  if (prefix == nullptr || !self.view().starts_with(prefix->view())) return self;
  return Value::of(self.view().substr(prefix->size_bytes));
}
Value str_removesuffix(Run& run, const Value& self, const Args& args) noexcept {
  const Value* suffix = string_argument(run, args, 0, "suffix");
  if (suffix == nullptr || !self.view().ends_with(suffix->view())) return self;
  return Value::of(self.view().substr(0, self.size_bytes - suffix->size_bytes));
}

Value split_at_spaces(Run& run, std::string_view s, int64_t limit) noexcept {
  List* parts = run.new_list();
  s = strip(s, true, false);
  while (!s.empty()) {
    size_t end = 0;
    while (end < s.size()) {
      size_t next = end;
      if (is_space(next_code_point(s, &next))) break;
      end = next;
    }
    const bool last = limit >= 0 && parts != nullptr && parts->count == static_cast<uint64_t>(limit);
    if (last) end = strip(s, false, true).size();
    if (!run.push(parts, Value::of(s.substr(0, end)))) return {};
    if (last) break;
    s = strip(s.substr(end), true, false);
  }
  return parts == nullptr ? Value{} : Value::of(parts, Kind::list);
}

Value str_split(Run& run, const Value& self, const Args& args) noexcept {
  const int64_t limit = integer_argument(args, 1, "maxsplit", -1);
  const Value* given = args.find(0, "sep");
  if (!run.spend(self.size_bytes / 64)) return {};
  if (given == nullptr || given->is(Kind::none)) return split_at_spaces(run, self.view(), limit);
  if (!given->is(Kind::string) || given->size_bytes == 0)
    return run.raise("split: an empty separator, or none that is a string");
  List* parts = run.new_list();
  std::string_view rest = self.view();
  while (parts != nullptr && (limit < 0 || parts->count < static_cast<uint64_t>(limit))) {
    const size_t at = rest.find(given->view());
    if (at == std::string_view::npos) break;
    if (!run.push(parts, Value::of(rest.substr(0, at)))) return {};
    rest = rest.substr(at + given->size_bytes);
  }
  return run.push(parts, Value::of(rest)) ? Value::of(parts, Kind::list) : Value{};
}

Value str_rsplit(Run& run, const Value& self, const Args& args) noexcept {
  const int64_t limit = integer_argument(args, 1, "maxsplit", -1);
  const Value* given = args.find(0, "sep");
  if (limit < 0) return str_split(run, self, args);
  if (given == nullptr || !given->is(Kind::string) || given->size_bytes == 0)
    return run.raise("rsplit: a limit needs a separator");
  List* reversed = run.new_list();
  std::string_view rest = self.view();
  while (reversed != nullptr && reversed->count < static_cast<uint64_t>(limit)) {
    const size_t at = rest.rfind(given->view());
    if (at == std::string_view::npos) break;
    if (!run.push(reversed, Value::of(rest.substr(at + given->size_bytes)))) return {};
    rest = rest.substr(0, at);
  }
  if (!run.push(reversed, Value::of(rest))) return {};
  List* parts = run.new_list(reversed->count);
  for (uint32_t i = reversed->count; i-- > 0;)
    if (!run.push(parts, reversed->items[i])) return {};
  return Value::of(parts, Kind::list);
}

Value str_join(Run& run, const Value& self, const Args& args) noexcept {
  const List* list = args.count == 1 ? iterate(run, args.values[0]) : nullptr;
  if (list == nullptr) return run.raise("join takes one list");
  Text out(run);
  for (uint32_t i = 0; i < list->count; ++i) {
    if (!list->items[i].is(Kind::string)) return run.raise("join: element %u is a %s", i, type_name(list->items[i]));
    if (i != 0) out.append(self.view());
    out.append(list->items[i].view());
  }
  return out.value();
}

Value find_in(Run& run, const Value& self, const Args& args, bool last) noexcept {
  const Value* what = string_argument(run, args, 0, "sub");
  if (what == nullptr || !run.spend(self.size_bytes / 64)) return {};
  const size_t at = last ? self.view().rfind(what->view()) : self.view().find(what->view());
  if (at == std::string_view::npos) return Value::of(int64_t{-1});
  return Value::of(static_cast<int64_t>(count_code_points(self.view().substr(0, at))));
}
Value str_find(Run& run, const Value& self, const Args& args) noexcept { return find_in(run, self, args, false); }
Value str_rfind(Run& run, const Value& self, const Args& args) noexcept { return find_in(run, self, args, true); }

Value str_count(Run& run, const Value& self, const Args& args) noexcept {
  const Value* what = string_argument(run, args, 0, "sub");
  if (what == nullptr || !run.spend(self.size_bytes / 64)) return {};
  if (what->size_bytes == 0) return Value::of(static_cast<int64_t>(count_code_points(self.view()) + 1));
  int64_t count = 0;
  for (size_t at = 0; (at = self.view().find(what->view(), at)) != std::string_view::npos; at += what->size_bytes)
    ++count;
  return Value::of(count);
}

template <bool (*predicate)(uint32_t) noexcept>
Value str_all(Run& run, const Value& self, const Args&) noexcept {
  const std::string_view s = self.view();
  if (!run.spend(s.size() / 64)) return {};
  for (size_t at = 0; at < s.size();)
    if (!predicate(next_code_point(s, &at))) return Value::of(false);
  return Value::of(!s.empty());
}
bool is_digit(uint32_t c) noexcept { return c >= '0' && c <= '9'; }
bool is_letter_or_digit(uint32_t c) noexcept { return is_letter(c) || is_digit(c); }

constexpr NativeRow kStringMethods[] = {
    {"capitalize", str_capitalize},
    {"count", str_count},
    {"endswith", str_endswith},
    {"find", str_find},
    {"isalnum", str_all<is_letter_or_digit>},
    {"isalpha", str_all<is_letter>},
    {"isdecimal", str_all<is_digit>},
    {"isdigit", str_all<is_digit>},
    {"isnumeric", str_all<is_digit>},
    {"isspace", str_all<is_space>},
    {"join", str_join},
    {"lower", str_lower},
    {"lstrip", str_lstrip},
    {"removeprefix", str_removeprefix},
    {"removesuffix", str_removesuffix},
    {"replace", str_replace},
    {"rfind", str_rfind},
    {"rsplit", str_rsplit},
    {"rstrip", str_rstrip},
    {"split", str_split},
    {"splitlines", str_splitlines},
    {"startswith", str_startswith},
    {"strip", str_strip},
    {"title", str_title},
    {"upper", str_upper},
};

Value dict_get(Run& run, const Value& self, const Args& args) noexcept {
  if (args.count < 1) return run.raise("get takes a key");
  const Value* found = run.get(self.dict, args.values[0]);
  const Value* otherwise = args.find(1, "default");
  return found != nullptr ? *found : otherwise != nullptr ? *otherwise : Value::none();
}
Value dict_items(Run& run, const Value& self, const Args&) noexcept { return items_of(run, self.dict); }
Value dict_column(Run& run, const Value& self, bool keys) noexcept {
  List* list = run.new_list(self.dict->count);
  if (list == nullptr) return {};
  list->is_view = true;
  for (uint32_t i = 0; i < self.dict->count; ++i)
    if (!run.push(list, keys ? self.dict->entries[i].key : self.dict->entries[i].value)) return {};
  return Value::of(list, Kind::generator);
}
Value dict_keys(Run& run, const Value& self, const Args&) noexcept { return dict_column(run, self, true); }
Value dict_values(Run& run, const Value& self, const Args&) noexcept { return dict_column(run, self, false); }
Value dict_copy(Run&, const Value& self, const Args&) noexcept { return self; }

constexpr NativeRow kDictMethods[] = {
    {"copy", dict_copy}, {"get", dict_get}, {"items", dict_items}, {"keys", dict_keys}, {"values", dict_values}};

Value list_count(Run& run, const Value& self, const Args& args) noexcept {
  int64_t count = 0;
  for (uint32_t i = 0; args.count == 1 && i < self.list->count; ++i)
    count += equal(run, self.list->items[i], args.values[0]);
  return Value::of(count);
}
Value list_index(Run& run, const Value& self, const Args& args) noexcept {
  for (uint32_t i = 0; args.count == 1 && i < self.list->count; ++i)
    if (equal(run, self.list->items[i], args.values[0])) return Value::of(int64_t{i});
  return run.raise("index: no such element in the list");
}

constexpr NativeRow kListMethods[] = {{"count", list_count}, {"index", list_index}};

// What transformers' sandbox refuses: a template does not change its input.
constexpr std::string_view kMutators[] = {"append", "clear",   "extend",     "insert", "pop",   "popitem",
                                          "remove", "reverse", "setdefault", "sort",   "update"};

Value refuse_mutation(Run& run, const Value& self, const Args&) noexcept {
  return run.raise("a template cannot change a %s", type_name(self));
}

Value loop_cycle(Run& run, const Value& self, const Args& args) noexcept {
  return args.count == 0 ? run.raise("cycle: no values") : args.values[self.loop->index0 % args.count];
}
Value loop_changed(Run& run, const Value& self, const Args& args) noexcept {
  List* now = run.new_list();
  for (uint32_t i = 0; i < args.count; ++i)
    if (!run.push(now, args.values[i])) return {};
  const Value value = now == nullptr ? Value{} : Value::of(now, Kind::tuple);
  const bool same = self.loop->has_changed && equal(run, self.loop->last_changed, value);
  self.loop->last_changed = value;
  self.loop->has_changed = true;
  return Value::of(!same);
}

Value loop_attribute(Run& run, const Value& self, std::string_view name) noexcept {
  const Loop& loop = *self.loop;
  const auto number = [](uint32_t n) { return Value::of(int64_t{n}); };
  if (name == "index") return number(loop.index0 + 1);
  if (name == "index0") return number(loop.index0);
  if (name == "revindex") return number(loop.count - loop.index0);
  if (name == "revindex0") return number(loop.count - loop.index0 - 1);
  if (name == "first") return Value::of(loop.index0 == 0);
  if (name == "last") return Value::of(loop.index0 + 1 == loop.count);
  if (name == "length") return number(loop.count);
  if (name == "depth") return number(loop.depth0 + 1);
  if (name == "depth0") return number(loop.depth0);
  if (name == "previtem")
    return loop.index0 == 0 ? Value::undefined("there is no previous item: it") : loop.items->items[loop.index0 - 1];
  if (name == "nextitem")
    return loop.index0 + 1 == loop.count ? Value::undefined("there is no next item: it")
                                         : loop.items->items[loop.index0 + 1];
  if (name == "cycle") return run.method(name, loop_cycle, self);
  if (name == "changed") return run.method(name, loop_changed, self);
  return {};
}

}  // namespace

Value str_strip(Run& run, const Value& self, const Args& args) noexcept {
  return strip_ends(run, self, args, true, true);
}
Value str_lower(Run& run, const Value& self, const Args&) noexcept { return map_case(run, self, false, false, false); }
Value str_upper(Run& run, const Value& self, const Args&) noexcept { return map_case(run, self, false, false, true); }
Value str_capitalize(Run& run, const Value& self, const Args&) noexcept {
  return map_case(run, self, true, false, false);
}
Value str_title(Run& run, const Value& self, const Args&) noexcept { return map_case(run, self, true, true, false); }

Value str_replace(Run& run, const Value& self, const Args& args) noexcept {
  const Value* from = string_argument(run, args, 0, "old");
  const Value* to = string_argument(run, args, 1, "new");
  if (from == nullptr || to == nullptr || !run.spend(self.size_bytes / 64)) return {};
  int64_t left = integer_argument(args, 2, "count", -1);
  std::string_view rest = self.view();
  Text out(run);
  while (left != 0 && !run.failed()) {
    if (from->size_bytes == 0) {  // between all characters
      out.append(to->view());
      if (rest.empty()) break;
      size_t next = 0;
      next_code_point(rest, &next);
      out.append(rest.substr(0, next));
      rest = rest.substr(next);
    } else {
      const size_t at = rest.find(from->view());
      if (at == std::string_view::npos) break;
      out.append(rest.substr(0, at));
      out.append(to->view());
      rest = rest.substr(at + from->size_bytes);
    }
    if (left > 0) --left;
    if (!run.spend(1)) return {};
  }
  out.append(rest);
  return out.value();
}

Value str_splitlines(Run& run, const Value& self, const Args&) noexcept {
  List* lines = run.new_list();
  const std::string_view s = self.view();
  size_t begin = 0;
  for (size_t at = 0; at < s.size();) {
    const size_t end = at;
    const uint32_t c = next_code_point(s, &at);
    if (c == '\r' && at < s.size() && s[at] == '\n') ++at;
    const bool breaks = (c >= 0x0A && c <= 0x0D) || (c >= 0x1C && c <= 0x1E) || c == 0x85 || c == 0x2028 || c == 0x2029;
    if (!breaks) continue;
    if (!run.push(lines, Value::of(s.substr(begin, end - begin)))) return {};
    begin = at;
  }
  if (begin < s.size() && !run.push(lines, Value::of(s.substr(begin)))) return {};
  return lines == nullptr ? Value{} : Value::of(lines, Kind::list);
}

Value attribute_of(Run& run, const Value& self, std::string_view name) noexcept {
  if (self.is(Kind::loop)) return loop_attribute(run, self, name);
  const auto among = [&](const auto& rows) -> Native {
    for (const NativeRow& row : rows)
      if (row.name == name) return row.native;
    return nullptr;
  };
  Native native = nullptr;
  if (self.is(Kind::string)) native = among(kStringMethods);
  if (self.is(Kind::dict)) native = among(kDictMethods);
  if (self.is_sequence()) native = among(kListMethods);
  if (native == nullptr && (self.is(Kind::dict) || self.is(Kind::list)))
    for (std::string_view mutator : kMutators)
      if (mutator == name) native = refuse_mutation;
  if (native == nullptr) return {};
  // The table's name outlives the template's.
  return run.method(name, native, self);
}

}  // namespace runnel::jinja
