// Numbers, and what + * % do to strings and lists.
#include <cmath>
#include <cstdio>

#include "runtime/template/operations.h"

namespace runnel::jinja {
namespace {

Value refuse(Run& run, const char* operation, const Value& a, const Value& b) noexcept {
  for (const Value* v : {&a, &b})
    if (v->is(Kind::undefined)) return run.raise("%.*s is undefined", static_cast<int>(v->size_bytes), v->text);
  return run.raise("unsupported operand types for %s: '%s' and '%s'", operation, type_name(a), type_name(b));
}

Value overflow(Run& run) noexcept { return run.raise("an integer that does not fit 64 bits"); }

bool both_integers(const Value& a, const Value& b) noexcept { return !a.is(Kind::real) && !b.is(Kind::real); }

Value escaped(Run& run, const Value& s) noexcept {
  Text text(run);
  append_escaped(s.view(), &text);
  return text.value();
}

Value repeat(Run& run, const Value& what, const Value& times) noexcept {
  const int64_t count = to_integer(times) < 0 ? 0 : to_integer(times);
  if (what.is(Kind::string)) {
    Text text(run);
    for (int64_t i = 0; i < count && !what.view().empty() && run.spend(1); ++i) text.append(what.view());
    return text.value();
  }
  List* list = run.new_list();
  for (int64_t i = 0; i < count && what.list->count != 0 && !run.failed(); ++i)
    for (uint32_t k = 0; k < what.list->count; ++k)
      if (!run.push(list, what.list->items[k])) return {};
  return list == nullptr ? Value{} : Value::of(list, what.kind);
}

// "%s costs %d" % (a, b): s, r, d, i, f with an optional ".digits".
Value format(Run& run, const Value& pattern, const Value& values) noexcept {
  const Value* items = values.is(Kind::tuple) ? values.list->items : &values;
  const uint32_t count = values.is(Kind::tuple) ? values.list->count : 1;
  uint32_t next = 0;
  Text out(run);
  const std::string_view s = pattern.view();
  for (size_t i = 0; i < s.size() && run.spend(1); ++i) {
    if (s[i] != '%') {
      out.append(s[i]);
      continue;
    }
    if (++i < s.size() && s[i] == '%') {
      out.append('%');
      continue;
    }
    int digits = 6;
    if (i + 1 < s.size() && s[i] == '.' && s[i + 1] >= '0' && s[i + 1] <= '9') {
      digits = s[i + 1] - '0';
      i += 2;
    }
    if (i >= s.size() || next >= count) return run.raise("not enough arguments for format string");
    const Value& value = items[next++];
    char number[400];
    if (s[i] == 's') {
      append_text(run, value, &out);
    } else if (s[i] == 'r') {
      append_repr(run, value, &out);
    } else if ((s[i] == 'd' || s[i] == 'i') && value.is_number() && std::abs(to_real(value)) < 9e18) {
      const int64_t whole = value.is(Kind::real) ? static_cast<int64_t>(value.real) : to_integer(value);
      append_text(run, Value::of(whole), &out);
    } else if (s[i] == 'f' && value.is_number()) {
      const int n = std::snprintf(number, sizeof number, "%.*f", digits, to_real(value));
      out.append(std::string_view(number, static_cast<size_t>(n)));
    } else {
      return run.raise("format '%%%c' of a %s is not supported", s[i], type_name(value));
    }
  }
  if (next < count && values.is(Kind::tuple)) return run.raise("not all arguments converted during string formatting");
  return out.value();
}

}  // namespace

Value add(Run& run, const Value& a, const Value& b) noexcept {
  if (a.is(Kind::string) && b.is(Kind::string)) {
    Value sum = a.markup == b.markup ? run.concat(a.view(), b.view())
                : a.markup           ? run.concat(a.view(), escaped(run, b).view())
                                     : run.concat(escaped(run, a).view(), b.view());
    sum.markup = a.markup || b.markup;
    return sum;
  }
  if (a.is_sequence() && a.kind == b.kind) {
    List* list = run.new_list();
    for (const List* part : {a.list, b.list})
      for (uint32_t i = 0; i < part->count; ++i)
        if (!run.push(list, part->items[i])) return {};
    return list == nullptr ? Value{} : Value::of(list, a.kind);
  }
  if (!a.is_number() || !b.is_number()) return refuse(run, "+", a, b);
  if (!both_integers(a, b)) return Value::of(to_real(a) + to_real(b));
  int64_t sum = 0;
  return __builtin_add_overflow(to_integer(a), to_integer(b), &sum) ? overflow(run) : Value::of(sum);
}

Value subtract(Run& run, const Value& a, const Value& b) noexcept {
  if (!a.is_number() || !b.is_number()) return refuse(run, "-", a, b);
  if (!both_integers(a, b)) return Value::of(to_real(a) - to_real(b));
  int64_t difference = 0;
  return __builtin_sub_overflow(to_integer(a), to_integer(b), &difference) ? overflow(run) : Value::of(difference);
}

Value multiply(Run& run, const Value& a, const Value& b) noexcept {
  const auto repeats = [](const Value& v) { return v.is(Kind::string) || v.is_sequence(); };
  const auto counts = [](const Value& v) { return v.is(Kind::integer) || v.is(Kind::boolean); };
  if (repeats(a) && counts(b)) return repeat(run, a, b);
  if (repeats(b) && counts(a)) return repeat(run, b, a);
  if (!a.is_number() || !b.is_number()) return refuse(run, "*", a, b);
  if (!both_integers(a, b)) return Value::of(to_real(a) * to_real(b));
  int64_t product = 0;
  return __builtin_mul_overflow(to_integer(a), to_integer(b), &product) ? overflow(run) : Value::of(product);
}

Value divide(Run& run, const Value& a, const Value& b) noexcept {
  if (!a.is_number() || !b.is_number()) return refuse(run, "/", a, b);
  if (to_real(b) == 0) return run.raise("division by zero");
  return Value::of(to_real(a) / to_real(b));
}

Value floor_divide(Run& run, const Value& a, const Value& b) noexcept {
  if (!a.is_number() || !b.is_number()) return refuse(run, "//", a, b);
  if (to_real(b) == 0) return run.raise("division by zero");
  if (!both_integers(a, b)) return Value::of(std::floor(to_real(a) / to_real(b)));
  const int64_t x = to_integer(a), y = to_integer(b);
  if (y == -1) return negate(run, a);  // the one quotient that can overflow
  return Value::of(x / y - (x % y != 0 && (x < 0) != (y < 0)));
}

Value modulo(Run& run, const Value& a, const Value& b) noexcept {
  if (a.is(Kind::string)) return format(run, a, b);
  if (!a.is_number() || !b.is_number()) return refuse(run, "%", a, b);
  if (to_real(b) == 0) return run.raise("division by zero");
  if (!both_integers(a, b)) {
    const double rest = std::fmod(to_real(a), to_real(b));
    return Value::of(rest != 0 && (rest < 0) != (to_real(b) < 0) ? rest + to_real(b) : rest);
  }
  const int64_t x = to_integer(a), y = to_integer(b);
  if (y == -1) return Value::of(int64_t{0});
  const int64_t rest = x % y;
  return Value::of(rest != 0 && (rest < 0) != (y < 0) ? rest + y : rest);
}

Value power(Run& run, const Value& a, const Value& b) noexcept {
  if (!a.is_number() || !b.is_number()) return refuse(run, "**", a, b);
  if (!both_integers(a, b) || to_integer(b) < 0) {
    const double result = std::pow(to_real(a), to_real(b));
    return std::isfinite(result) ? Value::of(result) : run.raise("a power that is no finite number");
  }
  int64_t result = 1, base = to_integer(a), exponent = to_integer(b);
  while (exponent > 0) {
    if ((exponent & 1) != 0 && __builtin_mul_overflow(result, base, &result)) return overflow(run);
    exponent >>= 1;
    if (exponent > 0 && __builtin_mul_overflow(base, base, &base)) return overflow(run);
  }
  return Value::of(result);
}

Value negate(Run& run, const Value& a) noexcept {
  if (!a.is_number()) return refuse(run, "unary -", a, Value::none());
  if (a.is(Kind::real)) return Value::of(-a.real);
  int64_t result = 0;
  return __builtin_sub_overflow(int64_t{0}, to_integer(a), &result) ? overflow(run) : Value::of(result);
}

}  // namespace runnel::jinja
