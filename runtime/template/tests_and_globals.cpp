// What may stand after `is`, and the functions that every template can call.
#include <cmath>
#include <ctime>

#include "runtime/template/operations.h"
#include "runtime/template/unicode.h"

namespace runnel::jinja {
namespace {

Value yes(bool b) noexcept { return Value::of(b); }

const Value* operand(Run& run, const Args& args) noexcept {
  if (args.count == 1 && args.named_count == 0) return &args.values[0];
  run.raise("a test that takes one argument");
  return nullptr;
}

template <bool (*predicate)(const Value&) noexcept>
Value kind_test(Run&, const Value& self, const Args&) noexcept {
  return Value::of(predicate(self));
}

bool is_defined(const Value& v) noexcept { return !v.is(Kind::undefined); }
bool is_undefined(const Value& v) noexcept { return v.is(Kind::undefined); }
bool is_none(const Value& v) noexcept { return v.is(Kind::none); }
bool is_boolean(const Value& v) noexcept { return v.is(Kind::boolean); }
bool is_true_value(const Value& v) noexcept { return v.is(Kind::boolean) && v.boolean; }
bool is_false_value(const Value& v) noexcept { return v.is(Kind::boolean) && !v.boolean; }
bool is_integer(const Value& v) noexcept { return v.is(Kind::integer); }
bool is_float(const Value& v) noexcept { return v.is(Kind::real); }
bool is_number(const Value& v) noexcept { return v.is_number(); }
bool is_string(const Value& v) noexcept { return v.is(Kind::string); }
bool is_mapping(const Value& v) noexcept { return v.is(Kind::dict); }
bool is_callable(const Value& v) noexcept { return v.is(Kind::function); }
bool is_sequence(const Value& v) noexcept {  // has a length and elements; an undefined has a length of 0
  return v.is_sequence() || v.is(Kind::string) || v.is(Kind::dict);
}
bool is_iterable(const Value& v) noexcept { return is_sequence(v) || v.is(Kind::generator) || v.is(Kind::undefined); }
bool is_escaped(const Value& v) noexcept { return v.is(Kind::string) && v.markup; }

bool is_case(const Value& v, uint32_t (*same)(uint32_t) noexcept, uint32_t (*other)(uint32_t) noexcept) noexcept {
  if (!v.is(Kind::string)) return false;
  bool has_case = false;
  const std::string_view s = v.view();
  for (size_t at = 0; at < s.size();) {
    const uint32_t c = next_code_point(s, &at);
    if (same(c) != c) return false;
    has_case = has_case || other(c) != c;
  }
  return has_case;
}
bool is_lower(const Value& v) noexcept { return is_case(v, to_lower, to_upper); }
bool is_upper(const Value& v) noexcept { return is_case(v, to_upper, to_lower); }

Value test_divisible(Run& run, const Value& self, const Args& args) noexcept {
  const Value* by = operand(run, args);
  if (by == nullptr) return {};
  const Value rest = modulo(run, self, *by);
  return run.failed() ? Value{} : yes(!is_true(rest));
}
Value test_even(Run& run, const Value& self, const Args&) noexcept {
  const Value rest = modulo(run, self, Value::of(int64_t{2}));
  return run.failed() ? Value{} : yes(!is_true(rest));
}
Value test_odd(Run& run, const Value& self, const Args&) noexcept {
  const Value rest = modulo(run, self, Value::of(int64_t{2}));
  return run.failed() ? Value{} : yes(is_true(rest));
}
Value test_eq(Run& run, const Value& self, const Args& args) noexcept {
  const Value* other = operand(run, args);
  return other == nullptr ? Value{} : yes(equal(run, self, *other));
}
Value test_ne(Run& run, const Value& self, const Args& args) noexcept {
  const Value* other = operand(run, args);
  return other == nullptr ? Value{} : yes(!equal(run, self, *other));
}
Value test_lt(Run& run, const Value& self, const Args& args) noexcept {
  const Value* other = operand(run, args);
  return other == nullptr ? Value{} : yes(less(run, self, *other));
}
Value test_gt(Run& run, const Value& self, const Args& args) noexcept {
  const Value* other = operand(run, args);
  return other == nullptr ? Value{} : yes(less(run, *other, self));
}
Value test_le(Run& run, const Value& self, const Args& args) noexcept {
  const Value* other = operand(run, args);
  return other == nullptr ? Value{} : yes(less(run, self, *other) || equal(run, self, *other));
}
Value test_ge(Run& run, const Value& self, const Args& args) noexcept {
  const Value* other = operand(run, args);
  return other == nullptr ? Value{} : yes(less(run, *other, self) || equal(run, self, *other));
}
Value test_in(Run& run, const Value& self, const Args& args) noexcept {
  const Value* other = operand(run, args);
  return other == nullptr ? Value{} : yes(contains(run, *other, self));
}
Value test_filter(Run& run, const Value& self, const Args&) noexcept {
  return self.is(Kind::string) ? yes(find_filter(self.view()) != nullptr) : run.raise("a filter's name is a string");
}
Value test_test(Run& run, const Value& self, const Args&) noexcept {
  return self.is(Kind::string) ? yes(find_test(self.view()) != nullptr) : run.raise("a test's name is a string");
}

constexpr NativeRow kTests[] = {
    {"boolean", kind_test<is_boolean>},
    {"callable", kind_test<is_callable>},
    {"defined", kind_test<is_defined>},
    {"divisibleby", test_divisible},
    {"eq", test_eq},
    {"equalto", test_eq},
    {"==", test_eq},
    {"escaped", kind_test<is_escaped>},
    {"even", test_even},
    {"false", kind_test<is_false_value>},
    {"filter", test_filter},
    {"float", kind_test<is_float>},
    {"ge", test_ge},
    {">=", test_ge},
    {"greaterthan", test_gt},
    {"gt", test_gt},
    {">", test_gt},
    {"in", test_in},
    {"integer", kind_test<is_integer>},
    {"iterable", kind_test<is_iterable>},
    {"le", test_le},
    {"<=", test_le},
    {"lessthan", test_lt},
    {"lower", kind_test<is_lower>},
    {"lt", test_lt},
    {"<", test_lt},
    {"mapping", kind_test<is_mapping>},
    {"ne", test_ne},
    {"!=", test_ne},
    {"none", kind_test<is_none>},
    {"number", kind_test<is_number>},
    {"odd", test_odd},
    {"sequence", kind_test<is_sequence>},
    {"string", kind_test<is_string>},
    {"test", test_test},
    {"true", kind_test<is_true_value>},
    {"undefined", kind_test<is_undefined>},
    {"upper", kind_test<is_upper>},
};

Value make_namespace(Run& run, const Args& args, Kind kind) noexcept {
  Dict* dict = run.make<Dict>();
  if (args.count > 1) return run.raise("namespace and dict take one mapping and names");
  if (args.count == 1) {
    if (!args.values[0].is(Kind::dict))
      return run.raise("namespace and dict take a mapping, not %s", type_name(args.values[0]));
    const Dict* from = args.values[0].dict;
    for (uint32_t i = 0; i < from->count; ++i)
      if (!run.set(dict, from->entries[i].key, from->entries[i].value)) return {};
  }
  for (uint32_t i = 0; i < args.named_count; ++i)
    if (!run.set(dict, Value::of(args.named[i].name), args.named[i].value)) return {};
  return dict == nullptr ? Value{} : Value::of(dict, kind);
}

Value global_namespace(Run& run, const Value&, const Args& args) noexcept {
  return make_namespace(run, args, Kind::space);
}
Value global_dict(Run& run, const Value&, const Args& args) noexcept { return make_namespace(run, args, Kind::dict); }

Value global_range(Run& run, const Value&, const Args& args) noexcept {
  int64_t bounds[3] = {0, 0, 1};
  if (args.count < 1 || args.count > 3 || args.named_count != 0) return run.raise("range takes one to three numbers");
  for (uint32_t i = 0; i < args.count; ++i) {
    if (!args.values[i].is(Kind::integer)) return run.raise("range takes integers, not %s", type_name(args.values[i]));
    bounds[args.count == 1 ? 1 : i] = args.values[i].integer;
  }
  const int64_t step = bounds[2];
  if (step == 0) return run.raise("range: a step of zero");
  List* list = run.new_list();
  const __int128 stop = bounds[1];
  for (__int128 i = bounds[0]; step > 0 ? i < stop : i > stop; i += step) {
    if (list != nullptr && list->count == kMaxRange) return run.raise("range of more than %u elements", kMaxRange);
    if (!run.push(list, Value::of(static_cast<int64_t>(i)))) return {};
  }
  return list == nullptr ? Value{} : Value::of(list, Kind::list);
}

Value global_raise(Run& run, const Value&, const Args& args) noexcept {
  const Value* message = args.find(0, "message");
  const Value text = message == nullptr ? Value::of(std::string_view("raised")) : to_text(run, *message);
  if (run.failed()) return {};
  const std::string_view s = text.view().substr(0, 1024);
  return run.raise("%.*s", static_cast<int>(s.size()), s.data());
}

Value global_strftime(Run& run, const Value&, const Args& args) noexcept {
  const Value* format = args.find(0, "format");
  if (format == nullptr || !format->is(Kind::string)) return run.raise("strftime_now takes a format");
  if (format->size_bytes > 256) return run.raise("strftime_now: a format of more than 256 bytes");
  const std::time_t now = run.now_seconds < 0 ? std::time(nullptr) : static_cast<std::time_t>(run.now_seconds);
  std::tm local = {};
  if (localtime_r(&now, &local) == nullptr) return run.raise("strftime_now: no such time");
  char pattern[258], text[4096];
  format->view().copy(pattern, format->size_bytes);
  pattern[format->size_bytes] = '\x01';  // so that an empty result differs from one that did not fit
  pattern[format->size_bytes + 1] = '\0';
  const size_t written = std::strftime(text, sizeof text, pattern, &local);
  if (written == 0) return run.raise("strftime_now: a date of more than 4095 bytes");
  if (!is_valid_utf8({text, written - 1})) return run.raise("strftime_now: a date that is no UTF-8");
  return run.string({text, written - 1});
}

constexpr NativeRow kGlobals[] = {
    {"dict", global_dict},   {"namespace", global_namespace},   {"raise_exception", global_raise},
    {"range", global_range}, {"strftime_now", global_strftime},
};

}  // namespace

Native find_test(std::string_view name) noexcept {
  for (const NativeRow& row : kTests)
    if (row.name == name) return row.native;
  return nullptr;
}

Native find_global(std::string_view name) noexcept {
  for (const NativeRow& row : kGlobals)
    if (row.name == name) return row.native;
  return nullptr;
}

}  // namespace runnel::jinja
