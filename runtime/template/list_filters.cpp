// Filters on lists and other things that can be iterated.
#include <charconv>

#include "runtime/template/filters.h"
#include "runtime/template/methods.h"

namespace runnel::jinja {
namespace {

Value list_value(List* list, Kind kind) noexcept { return list == nullptr ? Value{} : Value::of(list, kind); }

// "a.b.0" of an item, as the attribute arguments of filters name it.
Value dig(Run& run, Value item, const Value& path) noexcept {
  if (path.is(Kind::integer)) return get_item(run, item, path);
  if (!path.is(Kind::string)) return run.raise("an attribute is named by a string, not %s", type_name(path));
  std::string_view rest = path.view();
  while (!run.failed()) {
    const size_t dot = rest.find('.');
    const std::string_view part = rest.substr(0, dot);
    int64_t index = 0;
    const char* end = part.data() + part.size();
    const auto number = std::from_chars(part.data(), end, index);
    const bool is_index = !part.empty() && number.ec == std::errc() && number.ptr == end;
    item = get_item(run, item, is_index ? Value::of(index) : Value::of(part));
    if (dot == std::string_view::npos) return item;
    rest = rest.substr(dot + 1);
  }
  return {};
}

Value lowered(Run& run, const Value& v) noexcept { return v.is(Kind::string) ? str_lower(run, v, {}) : v; }

struct SortKey {
  Value key, item;
};

// Stable merge of [from, to) of `keys` by way of `spare`.
void merge_sort(Run& run, SortKey* keys, SortKey* spare, uint32_t from, uint32_t to, bool reverse) noexcept {
  if (to - from < 2 || run.failed()) return;
  const uint32_t middle = from + (to - from) / 2;
  merge_sort(run, keys, spare, from, middle, reverse);
  merge_sort(run, keys, spare, middle, to, reverse);
  uint32_t left = from, right = middle;
  for (uint32_t i = from; i < to; ++i) {
    bool takes_left = right == to;
    if (left < middle && right < to)
      takes_left = reverse ? !less(run, keys[left].key, keys[right].key) : !less(run, keys[right].key, keys[left].key);
    spare[i] = takes_left ? keys[left++] : keys[right++];
  }
  for (uint32_t i = from; i < to; ++i) keys[i] = spare[i];
}

bool flag(const Args& args, uint32_t index, std::string_view name) noexcept {
  const Value* value = args.find(index, name);
  return value != nullptr && is_true(*value);
}

Value extreme(Run& run, const Value& self, const Args& args, bool largest) noexcept {
  const List* list = iterate(run, self);
  if (list == nullptr) return {};
  if (list->count == 0) return Value::undefined("an element of an empty sequence");
  const bool keeps_case = flag(args, 0, "case_sensitive");
  const Value* attribute = args.find(1, "attribute");
  Value best, best_key;
  for (uint32_t i = 0; i < list->count && !run.failed(); ++i) {
    Value key = attribute == nullptr ? list->items[i] : dig(run, list->items[i], *attribute);
    if (!keeps_case) key = lowered(run, key);
    if (run.failed()) return {};
    if (i == 0 || (largest ? less(run, best_key, key) : less(run, key, best_key))) {
      best = list->items[i];
      best_key = key;
    }
  }
  return best;
}

// The elements whose (attribute's) test gives `wanted`; without a test, whose truth does.
Value choose(Run& run, const Value& self, const Args& args, bool by_attribute, bool wanted) noexcept {
  // Jinja's select and map take anything false, None too, as an empty sequence.
  const List* list = is_true(self) ? iterate(run, self) : run.new_list();
  List* result = run.new_list();
  if (list == nullptr || result == nullptr) return {};
  const uint32_t skipped = by_attribute ? 1 : 0;
  if (args.count < skipped) return run.raise("selectattr: no attribute");
  Native test = nullptr;
  Args rest;
  if (args.count > skipped) {
    const Value& name = args.values[skipped];
    test = name.is(Kind::string) ? find_test(name.view()) : nullptr;
    if (test == nullptr) return run.raise("no such test");
    rest = {args.values + skipped + 1, args.count - skipped - 1, nullptr, 0};
  }
  for (uint32_t i = 0; i < list->count; ++i) {
    const Value item = by_attribute ? dig(run, list->items[i], args.values[0]) : list->items[i];
    if (run.failed()) return {};
    const bool holds = is_true(test == nullptr ? item : test(run, item, rest));
    if (run.failed() || (holds == wanted && !run.push(result, list->items[i]))) return {};
  }
  return list_value(result, Kind::generator);
}

}  // namespace

Value filter_dictsort(Run& run, const Value& self, const Args& args) noexcept {
  if (!self.is(Kind::dict)) return run.raise("dictsort: a dict is needed, not %s", type_name(self));
  const Value* by = args.find(1, "by");
  const bool by_value = by != nullptr && by->is(Kind::string) && by->view() == "value";
  const uint32_t count = self.dict->count;
  SortKey* keys = run.make<SortKey>(count);
  SortKey* spare = run.make<SortKey>(count);
  List* result = run.new_list(count);
  if (keys == nullptr || spare == nullptr) return {};
  for (uint32_t i = 0; i < count; ++i) {
    const Entry& entry = self.dict->entries[i];
    const Value key = by_value ? entry.value : entry.key;
    keys[i] = {flag(args, 0, "case_sensitive") ? key : lowered(run, key), run.pair(entry.key, entry.value)};
  }
  merge_sort(run, keys, spare, 0, count, flag(args, 2, "reverse"));
  for (uint32_t i = 0; i < count; ++i)
    if (!run.push(result, keys[i].item)) return {};
  return list_value(result, Kind::list);
}

Value filter_sort(Run& run, const Value& self, const Args& args) noexcept {
  const List* list = iterate(run, self);
  if (list == nullptr) return {};
  const Value* attribute = args.find(2, "attribute");
  SortKey* keys = run.make<SortKey>(list->count);
  SortKey* spare = run.make<SortKey>(list->count);
  List* result = run.new_list(list->count);
  if (keys == nullptr || spare == nullptr) return {};
  for (uint32_t i = 0; i < list->count && !run.failed(); ++i) {
    const Value key = attribute == nullptr ? list->items[i] : dig(run, list->items[i], *attribute);
    keys[i] = {flag(args, 1, "case_sensitive") ? key : lowered(run, key), list->items[i]};
  }
  merge_sort(run, keys, spare, 0, list->count, flag(args, 0, "reverse"));
  for (uint32_t i = 0; i < list->count; ++i)
    if (!run.push(result, keys[i].item)) return {};
  return list_value(result, Kind::list);
}

Value filter_first(Run& run, const Value& self, const Args&) noexcept {
  const List* list = iterate(run, self);
  if (list == nullptr) return {};
  return list->count == 0 ? Value::undefined("the first element of an empty sequence") : list->items[0];
}

Value filter_last(Run& run, const Value& self, const Args&) noexcept {
  const List* list = iterate(run, self);
  if (list == nullptr) return {};
  return list->count == 0 ? Value::undefined("the last element of an empty sequence") : list->items[list->count - 1];
}

Value filter_list(Run& run, const Value& self, const Args&) noexcept {
  const List* list = iterate(run, self);
  List* copy = run.new_list(list == nullptr ? 0 : list->count);
  if (list == nullptr) return {};
  for (uint32_t i = 0; i < list->count; ++i)
    if (!run.push(copy, list->items[i])) return {};
  return list_value(copy, Kind::list);
}

Value filter_reverse(Run& run, const Value& self, const Args&) noexcept {
  if (self.is(Kind::string)) return get_slice(run, self, Value::none(), Value::none(), Value::of(int64_t{-1}));
  const List* list = iterate(run, self);
  List* result = run.new_list(list == nullptr ? 0 : list->count);
  if (list == nullptr) return {};
  for (uint32_t i = list->count; i-- > 0;)
    if (!run.push(result, list->items[i])) return {};
  return list_value(result, Kind::generator);
}

Value filter_join(Run& run, const Value& self, const Args& args) noexcept {
  const List* list = iterate(run, self);
  if (list == nullptr) return {};
  const Value* separator = args.find(0, "d");
  const Value* attribute = args.find(1, "attribute");
  Text out(run);
  for (uint32_t i = 0; i < list->count && !run.failed(); ++i) {
    if (i != 0 && separator != nullptr) append_text(run, *separator, &out);
    append_text(run, attribute == nullptr ? list->items[i] : dig(run, list->items[i], *attribute), &out);
  }
  return out.value();
}

Value filter_map(Run& run, const Value& self, const Args& args) noexcept {
  const List* list = is_true(self) ? iterate(run, self) : run.new_list();
  List* result = run.new_list();
  if (list == nullptr || result == nullptr) return {};
  const Value* attribute = args.count == 0 ? args.find(0, "attribute") : nullptr;
  Native filter = nullptr;
  Args rest;
  if (attribute == nullptr) {
    if (args.count == 0) return run.raise("map: no filter or attribute");
    filter = args.values[0].is(Kind::string) ? find_filter(args.values[0].view()) : nullptr;
    if (filter == nullptr) return run.raise("map: no such filter");
    rest = {args.values + 1, args.count - 1, args.named, args.named_count};
  }
  // map('map', ...) calls itself: counted like any other nesting.
  Nesting nesting(run);
  if (!nesting) return {};
  const Value* otherwise = attribute == nullptr ? nullptr : args.find(UINT32_MAX, "default");
  for (uint32_t i = 0; i < list->count; ++i) {
    Value item = filter == nullptr ? dig(run, list->items[i], *attribute) : filter(run, list->items[i], rest);
    if (otherwise != nullptr && item.is(Kind::undefined)) item = *otherwise;
    if (run.failed() || !run.push(result, item)) return {};
  }
  return list_value(result, Kind::generator);
}

Value filter_max(Run& run, const Value& self, const Args& args) noexcept { return extreme(run, self, args, true); }
Value filter_min(Run& run, const Value& self, const Args& args) noexcept { return extreme(run, self, args, false); }

Value filter_select(Run& run, const Value& self, const Args& args) noexcept {
  return choose(run, self, args, false, true);
}
Value filter_reject(Run& run, const Value& self, const Args& args) noexcept {
  return choose(run, self, args, false, false);
}
Value filter_selectattr(Run& run, const Value& self, const Args& args) noexcept {
  return choose(run, self, args, true, true);
}
Value filter_rejectattr(Run& run, const Value& self, const Args& args) noexcept {
  return choose(run, self, args, true, false);
}

Value filter_sum(Run& run, const Value& self, const Args& args) noexcept {
  const List* list = iterate(run, self);
  if (list == nullptr) return {};
  const Value* attribute = args.find(0, "attribute");
  const Value* start = args.find(1, "start");
  Value total = start == nullptr ? Value::of(int64_t{0}) : *start;
  for (uint32_t i = 0; i < list->count && !run.failed(); ++i)
    total = add(run, total, attribute == nullptr ? list->items[i] : dig(run, list->items[i], *attribute));
  return total;
}

Value filter_unique(Run& run, const Value& self, const Args& args) noexcept {
  const List* list = iterate(run, self);
  List* keys = run.new_list();
  List* result = run.new_list();
  if (list == nullptr || keys == nullptr || result == nullptr) return {};
  const Value* attribute = args.find(1, "attribute");
  for (uint32_t i = 0; i < list->count; ++i) {
    Value key = attribute == nullptr ? list->items[i] : dig(run, list->items[i], *attribute);
    if (!flag(args, 0, "case_sensitive")) key = lowered(run, key);
    if (run.failed()) return {};
    if (contains(run, Value::of(keys, Kind::list), key)) continue;
    if (!run.push(keys, key) || !run.push(result, list->items[i])) return {};
  }
  return list_value(result, Kind::generator);
}

}  // namespace runnel::jinja
