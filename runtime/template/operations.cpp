// Truth, equality, order, membership, iteration and access.
#include "runtime/template/operations.h"

#include <cmath>

#include "runtime/template/unicode.h"

namespace runnel::jinja {

const char* type_name(const Value& value) noexcept {
  switch (value.kind) {
    case Kind::undefined: return "undefined";
    case Kind::none: return "NoneType";
    case Kind::boolean: return "bool";
    case Kind::integer: return "int";
    case Kind::real: return "float";
    case Kind::string: return "str";
    case Kind::list: return "list";
    case Kind::tuple: return "tuple";
    case Kind::generator: return value.list->is_view ? "dict view" : "generator";
    case Kind::dict: return "dict";
    case Kind::space: return "namespace";
    case Kind::function: return "function";
    case Kind::loop: return "loop";
  }
  return "value";
}

double to_real(const Value& v) noexcept {
  return v.is(Kind::real) ? v.real : static_cast<double>(v.is(Kind::boolean) ? v.boolean : v.integer);
}
int64_t to_integer(const Value& v) noexcept { return v.is(Kind::boolean) ? v.boolean : v.integer; }

bool is_true(const Value& v) noexcept {
  switch (v.kind) {
    case Kind::undefined:
    case Kind::none: return false;
    case Kind::boolean: return v.boolean;
    case Kind::integer: return v.integer != 0;
    case Kind::real: return v.real != 0;
    case Kind::string: return v.size_bytes != 0;
    case Kind::list:
    case Kind::tuple: return v.list->count != 0;
    case Kind::generator: return !v.list->is_view || v.list->count != 0;
    case Kind::dict: return v.dict->count != 0;
    default: return true;
  }
}

namespace {

bool equal_lists(Run& run, const List* a, const List* b) noexcept {
  if (a == b) return true;
  if (a->count != b->count) return false;
  for (uint32_t i = 0; i < a->count; ++i)
    if (!equal(run, a->items[i], b->items[i])) return false;
  return true;
}

bool equal_dicts(Run& run, const Dict* a, const Dict* b) noexcept {
  if (a == b) return true;
  if (a->count != b->count) return false;
  for (uint32_t i = 0; i < a->count; ++i) {
    const Value* other = run.get(b, a->entries[i].key);
    if (other == nullptr || !equal(run, a->entries[i].value, *other)) return false;
  }
  return true;
}

// -1, 0, 1; an integer beside a real is compared as Python does, without rounding the integer.
int compare_numbers(const Value& a, const Value& b) noexcept {
  if (!a.is(Kind::real) && !b.is(Kind::real)) {
    const int64_t x = to_integer(a), y = to_integer(b);
    return x < y ? -1 : x > y;
  }
  const long double x = a.is(Kind::real) ? static_cast<long double>(a.real) : static_cast<long double>(to_integer(a));
  const long double y = b.is(Kind::real) ? static_cast<long double>(b.real) : static_cast<long double>(to_integer(b));
  return x < y ? -1 : x > y;
}

bool is_nan(const Value& v) noexcept { return v.is(Kind::real) && std::isnan(v.real); }

}  // namespace

bool equal(Run& run, const Value& a, const Value& b) noexcept {
  if (!run.spend(1)) return false;
  if (a.is_number() && b.is_number()) return !is_nan(a) && !is_nan(b) && compare_numbers(a, b) == 0;
  if (a.kind != b.kind) return false;
  Nesting nesting(run);
  if (!nesting) return false;
  switch (a.kind) {
    case Kind::undefined:
    case Kind::none: return true;
    case Kind::string: return a.size_bytes == b.size_bytes && run.spend(a.size_bytes / 64) && a.view() == b.view();
    case Kind::list:
    case Kind::tuple: return equal_lists(run, a.list, b.list);
    case Kind::dict: return equal_dicts(run, a.dict, b.dict);
    case Kind::generator: return a.list == b.list;
    case Kind::space: return a.dict == b.dict;
    case Kind::function: return a.function == b.function;
    default: return a.loop == b.loop;
  }
}

bool less(Run& run, const Value& a, const Value& b) noexcept {
  if (!run.spend(1)) return false;
  if (a.is_number() && b.is_number()) return !is_nan(a) && !is_nan(b) && compare_numbers(a, b) < 0;
  if (a.is(Kind::string) && b.is(Kind::string)) return run.spend(a.size_bytes / 64) && a.view() < b.view();
  if (a.is_sequence() && a.kind == b.kind) {
    Nesting nesting(run);
    if (!nesting) return false;
    for (uint32_t i = 0; i < a.list->count && i < b.list->count; ++i)
      if (!equal(run, a.list->items[i], b.list->items[i])) return less(run, a.list->items[i], b.list->items[i]);
    return a.list->count < b.list->count;
  }
  run.raise("%s and %s have no order", type_name(a), type_name(b));
  return false;
}

bool contains(Run& run, const Value& container, const Value& item) noexcept {
  switch (container.kind) {
    case Kind::undefined: return false;
    case Kind::string:
      if (!item.is(Kind::string)) {
        run.raise("a string contains strings, not %s", type_name(item));
        return false;
      }
      if (!run.spend((uint64_t{container.size_bytes} + item.size_bytes) / 64)) return false;
      return container.view().find(item.view()) != std::string_view::npos;
    case Kind::dict: return run.get(container.dict, item) != nullptr;
    default: {
      const List* list = iterate(run, container);
      for (uint32_t i = 0; list != nullptr && i < list->count; ++i)
        if (equal(run, list->items[i], item)) return !run.failed();
      return false;
    }
  }
}

const List* iterate(Run& run, const Value& a) noexcept {
  switch (a.kind) {
    case Kind::undefined: return run.new_list();
    case Kind::list:
    case Kind::tuple: return a.list;
    case Kind::generator: {
      if (a.list->is_view) return a.list;
      if (a.list->consumed) return run.new_list();
      a.list->consumed = true;
      return a.list;
    }
    case Kind::dict: {
      List* keys = run.new_list(a.dict->count);
      for (uint32_t i = 0; i < a.dict->count; ++i)
        if (!run.push(keys, a.dict->entries[i].key)) return nullptr;
      return keys;
    }
    case Kind::string: {
      List* characters = run.new_list();
      const std::string_view s = a.view();
      for (size_t at = 0; at < s.size();) {
        const size_t begin = at;
        next_code_point(s, &at);
        if (!run.push(characters, Value::of(s.substr(begin, at - begin)))) return nullptr;
      }
      return characters;
    }
    default: run.raise("'%s' object is not iterable", type_name(a)); return nullptr;
  }
}

int64_t length_of(Run& run, const Value& a) noexcept {
  switch (a.kind) {
    case Kind::undefined: return 0;
    case Kind::string: return run.spend(a.size_bytes / 64) ? static_cast<int64_t>(count_code_points(a.view())) : 0;
    case Kind::list:
    case Kind::tuple: return a.list->count;
    case Kind::dict: return a.dict->count;
    case Kind::generator:
      if (a.list->is_view) return a.list->count;
      [[fallthrough]];
    default: run.raise("object of type '%s' has no length", type_name(a)); return 0;
  }
}

Value items_of(Run& run, const Dict* dict) noexcept {
  List* list = run.new_list(dict->count);
  if (list == nullptr) return {};
  list->is_view = true;
  for (uint32_t i = 0; i < dict->count; ++i)
    if (!run.push(list, run.pair(dict->entries[i].key, dict->entries[i].value))) return {};
  return Value::of(list, Kind::generator);
}

namespace {

Value missing(Run& run, const Value& a, const Value& name) noexcept {
  Text text(run);
  text.append('\'');
  text.append(type_name(a));
  text.append(" object' has no attribute ");
  if (name.is(Kind::string) || name.is_number()) append_repr(run, name, &text);
  return Value::undefined(text.view());
}

Value refuse_undefined(Run& run, const Value& a) noexcept {
  return run.raise("%.*s is undefined", static_cast<int>(a.size_bytes), a.text);
}

}  // namespace

Value get_attribute(Run& run, const Value& a, std::string_view name) noexcept {
  if (a.is(Kind::undefined)) return refuse_undefined(run, a);
  if (name.starts_with("_"))
    return run.raise("access to attribute '%.*s' is unsafe", static_cast<int>(name.size()), name.data());
  const Value found = attribute_of(run, a, name);
  if (!found.is(Kind::undefined) || run.failed()) return found;
  if (a.is(Kind::dict) || a.is(Kind::space))
    if (const Value* entry = run.get(a.dict, name)) return *entry;
  return missing(run, a, Value::of(name));
}

Value get_item(Run& run, const Value& a, const Value& index) noexcept {
  switch (a.kind) {
    case Kind::undefined: return refuse_undefined(run, a);
    case Kind::dict:
      if (const Value* entry = run.get(a.dict, index)) return *entry;
      break;
    case Kind::list:
    case Kind::tuple:
      if (index.is(Kind::integer) || index.is(Kind::boolean)) {
        int64_t i = to_integer(index);
        if (i < 0 && i >= -int64_t{a.list->count}) i += a.list->count;
        if (i >= 0 && i < a.list->count) return a.list->items[i];
      }
      break;
    case Kind::string:
      if (index.is(Kind::integer) || index.is(Kind::boolean)) {
        const std::string_view s = a.view();
        const auto count = static_cast<int64_t>(count_code_points(s));
        int64_t i = to_integer(index);
        if (!run.spend(s.size() / 64)) return {};
        if (i < 0 && i >= -count) i += count;
        if (i >= 0 && i < count) {
          const size_t begin = code_point_offset(s, static_cast<size_t>(i));
          size_t end = begin;
          next_code_point(s, &end);
          return Value::of(s.substr(begin, end - begin));
        }
      }
      break;
    default: break;
  }
  if (index.is(Kind::string) && !index.view().starts_with("_")) {
    const Value found = attribute_of(run, a, index.view());
    if (!found.is(Kind::undefined)) return found;
  }
  return missing(run, a, index);
}

namespace {

// Python's slice.indices: clamps *start and *stop for a sequence of `count` elements.
bool slice_bounds(Run& run, int64_t count, const Value& start, const Value& stop, int64_t step, int64_t* from,
                  int64_t* to) noexcept {
  for (const Value* bound : {&start, &stop})
    if (!bound->is(Kind::none) && !bound->is(Kind::integer) && !bound->is(Kind::boolean)) {
      run.raise("slice indices must be integers, not %s", type_name(*bound));
      return false;
    }
  const int64_t low = step < 0 ? -1 : 0, high = step < 0 ? count - 1 : count;
  const auto clamp = [&](const Value& bound, int64_t absent) {
    if (bound.is(Kind::none)) return absent;
    int64_t i = to_integer(bound);
    if (i < 0) i = i < -count ? low : i + count;
    return i < low ? low : i > high ? high : i;
  };
  *from = clamp(start, step < 0 ? high : low);
  *to = clamp(stop, step < 0 ? low : high);
  return true;
}

}  // namespace

Value get_slice(Run& run, const Value& a, const Value& start, const Value& stop, const Value& step_value) noexcept {
  if (a.is(Kind::undefined)) return refuse_undefined(run, a);
  if (!a.is_sequence() && !a.is(Kind::string)) return missing(run, a, {});
  int64_t step = 1;
  if (step_value.is(Kind::integer) || step_value.is(Kind::boolean))
    step = to_integer(step_value);
  else if (!step_value.is(Kind::none))
    return run.raise("slice indices must be integers, not %s", type_name(step_value));
  if (step == 0) return run.raise("slice step cannot be zero");
  const int64_t count = length_of(run, a);
  int64_t from = 0, to = 0;
  if (!slice_bounds(run, count, start, stop, step, &from, &to)) return {};
  if (a.is(Kind::string) && step == 1) {
    const size_t begin = code_point_offset(a.view(), static_cast<size_t>(from));
    if (to <= from) return Value::of(std::string_view());
    const std::string_view tail = a.view().substr(begin);
    return Value::of(tail.substr(0, code_point_offset(tail, static_cast<size_t>(to - from))));
  }
  const List* source = iterate(run, a);
  List* result = run.new_list();
  if (source == nullptr || result == nullptr) return {};
  // The step is cut to the length, past which all steps are one: i cannot overflow.
  if (step > count) step = count + 1;
  if (step < -count) step = -count - 1;
  for (int64_t i = from; step > 0 ? i < to : i > to; i += step)
    if (!run.push(result, source->items[i])) return {};
  if (!a.is(Kind::string)) return Value::of(result, a.kind);
  Text text(run);
  for (uint32_t i = 0; i < result->count; ++i) text.append(result->items[i].view());
  return text.value();
}

}  // namespace runnel::jinja
